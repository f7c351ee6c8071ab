/** Puts a box's methods on their sockets: one a kind of caller. */
import type { Log } from '../base/log.ts'
import type { Walls } from '../lake/walls.ts'
import type { KeysBox } from './keys-box.ts'
import type { QueryRunner } from './keys-client.ts'
import { cliMethods } from './keys-methods-cli.ts'
import { consoleMethods } from './keys-methods-console.ts'
import { linkMethods } from './keys-methods-link.ts'
import { agentMethods, guardMethods, lakeMethods } from './keys-methods-local.ts'
import { webMethods } from './keys-methods-web.ts'
import { Packets } from './keys-packets.ts'
import { type ControlsQuestion, Questions } from './keys-query.ts'
import { type Methods, type RpcServer, serve } from './rpc.ts'
import { type CallerName, socketPath } from './sockets.ts'

const CHECKPOINT_MS = 300_000

export interface KeysServer {
  close(): Promise<void>
}

export interface ServeOptions {
  controls?: ControlsQuestion | undefined
  /** Around processes that keys are handed to. */
  walls?: Walls | undefined
}

/** The cli socket comes last: who finds it answering finds all of them. */
export async function serveKeys(
  box: KeysBox,
  runner: QueryRunner,
  log: Log,
  { controls, walls }: ServeOptions = {},
): Promise<KeysServer> {
  const questions = new Questions(box, runner, controls)
  box.sessions.onEnd((session_id) => questions.leave(session_id))
  const packets = new Packets(box, questions, walls)
  const tables: [CallerName, Methods][] = [
    ['agent', { ...agentMethods(box) }],
    ['guard', { ...guardMethods(box) }],
    ['lake', { ...lakeMethods(box) }],
    ['link', { ...linkMethods(box, questions) }],
    ['web', { ...webMethods(box, questions, packets) }],
    ['console', { ...consoleMethods(box) }],
    ['cli', { ...cliMethods(box, questions, packets) }],
  ]
  const servers: RpcServer[] = []
  for (const [caller, methods] of tables)
    servers.push(await serve(socketPath(box.data, 'keys', caller), methods, log))
  const timer = setInterval(() => tick(box, log), CHECKPOINT_MS)
  return {
    close: async () => {
      clearInterval(timer)
      await Promise.all(servers.map((server) => server.close()))
      await questions.close()
    },
  }
}

function tick({ trail, chain }: KeysBox, log: Log): void {
  try {
    trail.flush()
    chain.checkpoint()
  } catch (error) {
    log.error({ error: String(error) }, 'audit.full') // detection goes on
  }
}
