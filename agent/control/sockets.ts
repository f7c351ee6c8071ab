import { join } from 'node:path'

/**
 * Where each process listens, one folder and socket a kind of caller: `<data>/run/<server>/<caller>/<server>.sock`. On a box
 * the folder belongs to the server and to the caller's group (`box-folders.ts`), so nobody else reaches the socket.
 */
export type ServerName = 'agent' | 'guard' | 'keys' | 'lake' | 'link'
export type CallerName = 'agent' | 'guard' | 'keys' | 'lake' | 'link' | 'web' | 'console' | 'cli'

/** Who may call whom. */
export const CALLERS: Readonly<Record<ServerName, readonly CallerName[]>> = {
  keys: ['agent', 'guard', 'lake', 'link', 'web', 'console', 'cli'],
  guard: ['agent', 'keys', 'web', 'link', 'cli'],
  lake: ['agent', 'keys', 'web', 'link', 'cli'],
  agent: ['keys', 'web', 'link', 'console', 'cli'],
  link: ['web', 'cli'],
}

export function socketPath(data: string, server: ServerName, caller: CallerName): string {
  return join(data, 'run', server, caller, `${server}.sock`)
}
