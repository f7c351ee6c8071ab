/**
 * A cell put together by a test: from the parts of a real one, without those that a control leaves out. It answers
 * questions as a cell does, or does what code that took it over would do.
 */
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { type Branch, lockEngine, openBranches } from '../../agent/lake/cell.ts'
import { answer } from '../../agent/lake/cell-answer.ts'
import { allowOnly, confine, filterCalls, hide } from '../../agent/lake/confine.ts'
import { takeDescriptors } from '../../agent/lake/descriptors.ts'
import { openEngine, read } from '../../agent/lake/engine.ts'
import { becomeOwnUser } from '../../agent/lake/own-user.ts'
import { readMessages, sendMessage } from '../../agent/lake/pipe.ts'
import { ShownFolders } from '../../agent/lake/shown-folders.ts'
import { ACTS, type ActName } from './cell-acts.ts'
import { HIDDEN, LANDLOCK, LOCK, ONE_SELECT, SECCOMP } from './cell-layers.ts'

export interface Be {
  off: string[]
  readable: string[]
  folders: string[]
  branches: Branch[]
  /** Statements before the engine is locked: what a control puts there. */
  planted: string[]
}

export type ToLoose =
  | ({ type: 'be' } & Be)
  | { type: 'ask'; sql: string; bytesMax: number }
  | { type: 'act'; name: ActName; args: unknown[] }

export type FromLoose = { answer: unknown } | { failed: string }

const ALWAYS_READABLE = ['/proc/self/cgroup', '/sys/fs/cgroup/']
let instance: DuckDBInstance | undefined
/** One for all questions: what one of them leaves behind is there for the next. */
let connection: DuckDBConnection | undefined
let off: ReadonlySet<string> = new Set()

becomeOwnUser()
;(await openEngine({ memoryMiB: 64 })).closeSync() // the code of the engine is loaded before the doors close
readMessages(
  process.stdin,
  (message) => {
    act(message as ToLoose).then(
      (answer) => sendMessage(process.stdout, { answer } satisfies FromLoose),
      (error: unknown) =>
        sendMessage(process.stdout, { failed: wordsOf(error) } satisfies FromLoose),
    )
  },
  () => process.exit(1),
)
process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL'))

async function act(message: ToLoose): Promise<unknown> {
  switch (message.type) {
    case 'be':
      return be(message)
    case 'ask':
      return ask(message.sql, message.bytesMax)
    case 'act':
      return (ACTS[message.name] as (...args: unknown[]) => unknown)(...message.args)
  }
}

async function be({ off: names, folders, planted, ...rest }: Be): Promise<void> {
  const shown = new ShownFolders(folders, folders.length > 0 ? takeDescriptors(folders.length) : [])
  const readable = rest.readable.map((path) => shown.at(path))
  const branches = rest.branches.map((each) => ({ ...each, paths: each.paths.map((path) => shown.at(path)) })) // biome-ignore format: one line
  off = new Set(names)
  if (!off.has(HIDDEN.name)) hide()
  const files = [...ALWAYS_READABLE, ...readable]
  const [landlock, seccomp] = [!off.has(LANDLOCK.name), !off.has(SECCOMP.name)]
  if (landlock && seccomp) await confine(files)
  else if (landlock) await allowOnly(files)
  else if (seccomp) filterCalls()
  instance = await openBranches(branches)
  connection = await instance.connect()
  for (const sql of planted) await connection.run(sql)
  if (!off.has(LOCK.name)) await lockEngine(connection, branches)
}

async function ask(sql: string, bytesMax: number): Promise<unknown> {
  if (!instance || !connection) throw new Error('No engine is open.')
  if (off.has(ONE_SELECT.name)) return { rows: await read(connection, sql) }
  let columns: string[] = []
  const rows: unknown[][] = []
  const truncated = await answer(
    instance,
    { sql, params: {}, bytesMax },
    {
      columns: (names) => {
        columns = names
      },
      rows: (some) => {
        rows.push(...some)
        return true
      },
      drained: async () => {},
    },
  )
  return { columns, rows, truncated }
}

function wordsOf(error: unknown): string {
  const { code, message = String(error) } = error as NodeJS.ErrnoException
  return code && !message.includes(code) ? `${code}: ${message}` : message
}
