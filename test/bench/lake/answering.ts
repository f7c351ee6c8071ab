/** The two that answer, each a process: a confined cell with one scope's keys, and the engine alone over plain files. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CellClient } from '../../../agent/control/cell-client.ts'
import { readMessages, sendMessage } from '../../../agent/lake/pipe.ts'
import type { Rows } from './rows.ts'

const PLAIN = fileURLToPath(new URL('./plain.ts', import.meta.url))
const NO_LIMIT = { cpuMs: 600_000, wallMs: 600_000, rssBytes: 2 ** 32 }
const BYTES_MAX = 50 << 20

export interface Answering {
  pid: number
  /** From nothing to ready to be asked: keys, views, locks. */
  open(): Promise<void>
  ask(sql: string): Promise<unknown[][]>
  end(): void
}

/** Started and waiting, as the pool of picket-keys has two. */
export async function waitingCell({ branches }: Rows): Promise<Answering> {
  const cell = await CellClient.start(NO_LIMIT)
  return {
    pid: cell.pid,
    open: async () => {
      await cell.confine(branches.map(({ paths }) => `${dirname(paths[0] as string)}/`))
      await cell.open(branches)
    },
    ask: async (sql) => (await cell.ask({ sql, params: {}, bytesMax: BYTES_MAX })).rows,
    end: () => cell.kill(),
  }
}

export async function waitingPlain({ plain }: Rows): Promise<Answering> {
  const child = spawn(process.execPath, [PLAIN], { stdio: ['pipe', 'pipe', 'inherit'] })
  await until(child, undefined, 'ready')
  return {
    pid: child.pid as number,
    open: async () => void (await until(child, { type: 'open', paths: plain }, 'opened')),
    ask: (sql) => until(child, { type: 'ask', sql, params: {}, bytesMax: BYTES_MAX }, 'end'),
    end: () => void child.kill('SIGKILL'),
  }
}

const listening = new WeakMap<ChildProcess, (message: Said) => void>()
interface Said {
  type: string
  rows?: unknown[][]
  message?: string
}

function until(child: ChildProcess, message: unknown, last: string): Promise<unknown[][]> {
  return new Promise((done, fail) => {
    const isNew = !listening.has(child)
    const rows: unknown[][] = []
    listening.set(child, (said) => {
      if (said.type === 'rows') for (const row of said.rows ?? []) rows.push(row)
      else if (said.type === 'failed') fail(new Error(said.message))
      else if (said.type === last) done(rows)
    })
    if (isNew && child.stdout)
      readMessages(child.stdout, (said) => listening.get(child)?.(said as Said), fail)
    if (message !== undefined && child.stdin) sendMessage(child.stdin, message)
  })
}

/** Seconds of processor that all threads of a process used so far, to the nanosecond; threads that ended are not in it. */
export function cpuOf(pid: number): number {
  let ns = 0
  for (const task of readdirSync(`/proc/${pid}/task`))
    ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0])
  return ns / 1e9
}
