/**
 * picket-cell: a process that holds the keys and files of one scope, talks to its parent over a pipe
 * and to nobody else. It confines itself before it reads a key. Errors of the engine may quote rows
 * (D16): they go to the one who asked, cut short, and nowhere else.
 */
import { existsSync } from 'node:fs'
import { introduce } from '../lake/activated-child.ts'
import { type Branch, Cell, type CellOptions, openBlank } from '../lake/cell.ts'
import type { CellQuestion } from '../lake/cell-answer.ts'
import { cellRoom } from '../lake/cell-room.ts'
import { engineWords } from '../lake/cell-words.ts'
import { ClearColumns } from '../lake/clear-columns.ts'
import { takeMemory } from '../lake/clear-memory.ts'
import { confine, hide } from '../lake/confine.ts'
import { takeDescriptors } from '../lake/descriptors.ts'
import { becomeOwnUser } from '../lake/own-user.ts'
import { readMessages, sendMessage } from '../lake/pipe.ts'
import { rehearse } from '../lake/rehearsal.ts'
import { ShownFolders } from '../lake/shown-folders.ts'

/** The engine asks how much memory it may take, and aborts when it may not ask. */
const ALWAYS_READABLE = ['/proc/self/cgroup', '/sys/fs/cgroup/'].filter((path) => existsSync(path))

export type ToCell =
  | { type: 'confine'; readable: string[]; folders: string[] }
  | { type: 'open'; branches: Branch[] }
  | ({ type: 'ask' } & CellQuestion)

export type FromCell =
  | { type: 'ready' }
  | { type: 'confined'; landlock: number; seccomp: boolean }
  | { type: 'opened' }
  | { type: 'columns'; names: string[] }
  | { type: 'rows'; rows: unknown[][] }
  | { type: 'end'; truncated: boolean }
  | { type: 'failed'; message: string }

becomeOwnUser()
hide()
introduce(process.stdout)
// The engine is loaded and all code is warm before the doors close; nobody knows a key yet.
await rehearse()
let blank: CellOptions['blank'] = await openBlank()

/** For columns in clear: beside the engine's memory and like it bounded, whoever writes to it. */
const memory = takeMemory(cellRoom().clearBytes)
const columns = memory && new ClearColumns(memory)
let cell: Cell | undefined
let shown = new ShownFolders()
/** Files that it may read. */
let paths: readonly string[] = []
const send = (message: FromCell) => sendMessage(process.stdout, message)
const die = () => process.kill(process.pid, 'SIGKILL') // the engine may be busy in native code

process.stdin.on('end', die)
process.stdin.on('error', die)
process.stdout.on('error', die)
readMessages(
  process.stdin,
  (message) => {
    act(message as ToCell).catch((error: unknown) =>
      send({ type: 'failed', message: engineWords(error, paths) }),
    )
  },
  die,
)
send({ type: 'ready' })

/** Once: what was opened with it knows keys and files. */
function takeBlank(): CellOptions {
  const options = blank ? { blank } : {}
  blank = undefined
  return options
}

/** The files of a branch where this process sees them. */
function placed(branch: Branch): Branch {
  const { paths, annex } = branch
  const at = (list: readonly string[]) => list.map((path) => shown.at(path))
  return { ...branch, paths: at(paths), ...(annex && { annex: at(annex) }) }
}

async function open(branches: Branch[]): Promise<void> {
  paths = branches.flatMap((branch) => [...branch.paths, ...(branch.annex ?? [])])
  cell = await Cell.open(branches, columns, takeBlank())
}

async function act(message: ToCell): Promise<void> {
  switch (message.type) {
    case 'confine':
      if (message.folders.length > 0)
        shown = new ShownFolders(message.folders, takeDescriptors(message.folders.length))
      paths = message.readable.map((path) => shown.at(path))
      send({ type: 'confined', ...(await confine([...ALWAYS_READABLE, ...paths])) })
      break
    case 'open':
      cell?.closeSync()
      await open(message.branches.map(placed))
      send({ type: 'opened' })
      break
    case 'ask': {
      if (!cell) throw new Error('The cell holds no files yet.')
      const truncated = await cell.ask(message, {
        columns: (names) => void send({ type: 'columns', names }),
        rows: (rows) => send({ type: 'rows', rows: rows as unknown[][] }),
        drained: () => new Promise((done) => process.stdout.once('drain', done)),
      })
      send({ type: 'end', truncated })
      break
    }
  }
}
