import { join } from 'node:path'

/** Where each process listens, one socket a kind of caller: `<data>/run/<server>/<caller>.sock`. */
export type ServerName = 'agent' | 'guard' | 'keys' | 'lake' | 'link'
export type CallerName = 'agent' | 'guard' | 'keys' | 'lake' | 'link' | 'web' | 'cli'

export function socketPath(data: string, server: ServerName, caller: CallerName): string {
  return join(data, 'run', server, `${caller}.sock`)
}
