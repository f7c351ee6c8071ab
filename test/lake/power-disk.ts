/**
 * The real file system, with a note of what a power loss may take back: bytes that were not synced, by sectors and in
 * any order, and names whose folder was not. Everything happens for real meanwhile; `left` then makes the folder that
 * such a disk would show at the next start. Files that others write (SQLite) are taken as they are.
 */
import type fs from 'node:fs'
import {
  closeSync,
  copyFileSync,
  type Dirent,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Disk } from '../../agent/base/disk.ts'
import { type FileSystem, makeFolder, writeWhole } from '../../agent/base/files.ts'
import type { Chance } from '../traffic/chance.ts'

const SECTOR_BYTES = 512
/** Not ours: SQLite syncs these itself. */
const OTHERS = /\.db(-wal|-shm|-journal)?$/

/** What the disk did with the bytes and names that were not synced. */
export const FATES = ['dropped', 'torn', 'reordered', 'kept'] as const
export type Fate = (typeof FATES)[number]

export class PowerLost extends Error {}

interface File {
  kind: 'file'
  synced: Buffer
  unsynced: { at: number; bytes: Buffer }[]
}
interface Folder {
  kind: 'folder'
  live: Map<string, Node>
  synced: Map<string, Node>
}
type Node = File | Folder
interface NameChange {
  folders: Folder[]
  apply(): void
}

export class PowerDisk implements Disk {
  /** Changes so far: what `loseAt` counts. */
  count = 0
  /** Fails when the power is gone: whoever waits for this disk waits for nothing. */
  readonly gone: Promise<never>
  #fail: (error: PowerLost) => void = () => {}
  readonly #root: Folder
  readonly #at: string
  readonly #loseAt: number
  readonly #open = new Map<number, { file: File | undefined; folder: Folder | undefined }>()
  #names: NameChange[] = []
  #lost = false

  /** What is in `at` counts as synced. The power goes just before change number `loseAt`. */
  constructor(at: string, loseAt = Infinity) {
    this.#at = at
    this.#root = scan(at)
    this.#loseAt = loseAt
    this.gone = new Promise((_, fail) => {
      this.#fail = fail
    })
    this.gone.catch(() => {})
  }

  get lost(): boolean {
    return this.#lost
  }

  /** From now on nothing reaches the disk. */
  lose(): void {
    this.#lost = true
    this.#fail(new PowerLost(`the power went before change ${this.count}`))
    for (const fd of this.#open.keys()) closeSync(fd)
    this.#open.clear()
  }

  async create(path: string, exclusive = false) {
    const fd = this.#system.openSync(path, exclusive ? 'wx' : 'w', 0o600)
    return {
      fd,
      write: async (bytes: Buffer, position: number) => this.#write(fd, bytes, position),
      sync: async () => this.#system.fsyncSync(fd),
      close: async () => this.#system.closeSync(fd),
    }
  }

  async rename(from: string, to: string): Promise<void> {
    this.#system.renameSync(from, to)
  }

  async remove(path: string): Promise<void> {
    this.#system.rmSync(path, { force: true })
  }

  async syncFolder(folder: string): Promise<void> {
    const fd = this.#system.openSync(folder, 'r')
    this.#system.fsyncSync(fd)
    this.#system.closeSync(fd)
  }

  makeFolder(root: string, inside: string): void {
    makeFolder(root, inside, this.#system)
  }

  writeWhole(path: string, bytes: string): void {
    writeWhole(path, bytes, 0o600, this.#system)
  }

  /** The folder as the disk shows it after the loss, at `to`. */
  left(to: string, fate: Fate, chance: Chance): void {
    const keeps = () => fate === 'kept' || (fate !== 'dropped' && chance.next() < 0.5)
    // Torn: the order of names was kept and ended somewhere. Reordered: each for itself.
    const end = fate === 'torn' ? chance.int(0, this.#names.length) : this.#names.length
    for (const change of this.#names.slice(0, end)) if (fate === 'torn' || keeps()) change.apply()
    build(this.#root, { from: this.#at, to, fate, chance })
  }

  /** The steps that base/files.ts and this class are made of. */
  readonly #system: FileSystem = {
    openSync: (path, flags, mode) => {
      const name = String(path)
      if (flags === 'r') {
        this.#step()
        const fd = openSync(name, 'r')
        this.#open.set(fd, { file: undefined, folder: this.#folder(name) })
        return fd
      }
      this.#step()
      const fd = openSync(name, flags as string, mode)
      const file: File = { kind: 'file', synced: Buffer.alloc(0), unsynced: [] }
      this.#link(name, file)
      this.#open.set(fd, { file, folder: undefined })
      return fd
    },
    writeSync: ((fd: number, bytes: Buffer, from: number, length: number) => {
      this.#write(fd, bytes.subarray(from, from + length), fstatSync(fd).size)
      return length
    }) as typeof fs.writeSync,
    fsyncSync: (fd) => {
      this.#step()
      const { file, folder } = this.#open.get(fd) ?? {}
      if (file) {
        file.synced = applied(file, file.unsynced)
        file.unsynced = []
      }
      if (!folder) return
      for (const change of this.#names) if (change.folders.includes(folder)) change.apply()
      this.#names = this.#names.filter(({ folders }) => !folders.includes(folder))
    },
    closeSync: (fd) => {
      if (this.#open.delete(fd)) closeSync(fd)
    },
    mkdirSync: ((path: string, options: { recursive: true; mode: number }) => {
      const above = this.#folder(dirname(path))
      if (above.live.has(basename(path))) return
      this.#step()
      mkdirSync(path, options)
      this.#link(path, { kind: 'folder', live: new Map(), synced: new Map() })
    }) as typeof fs.mkdirSync,
    renameSync: (from, to) => {
      this.#step()
      renameSync(from, to)
      const [source, target] = [this.#folder(dirname(String(from))), this.#folder(dirname(String(to)))] // biome-ignore format: one line
      const [old, name] = [basename(String(from)), basename(String(to))]
      const node = source.live.get(old) as Node
      source.live.delete(old)
      target.live.set(name, node)
      this.#names.push({
        folders: [source, target],
        apply: () => {
          source.synced.delete(old)
          target.synced.set(name, node)
        },
      })
    },
    rmSync: (path) => {
      this.#step()
      rmSync(path, { force: true })
      const folder = this.#folder(dirname(String(path)))
      const name = basename(String(path))
      if (!folder.live.delete(name)) return
      this.#names.push({ folders: [folder], apply: () => void folder.synced.delete(name) })
    },
  }

  #step(): void {
    this.count++
    if (this.count === this.#loseAt) this.lose()
    if (this.#lost) throw new PowerLost('the power is gone')
  }

  #write(fd: number, bytes: Buffer, position: number): void {
    this.#step()
    writeSync(fd, bytes, 0, bytes.length, position)
    this.#open.get(fd)?.file?.unsynced.push({ at: position, bytes: Buffer.from(bytes) })
  }

  #link(path: string, node: Node): void {
    const folder = this.#folder(dirname(path))
    const name = basename(path)
    folder.live.set(name, node)
    this.#names.push({ folders: [folder], apply: () => void folder.synced.set(name, node) })
  }

  #folder(path: string): Folder {
    const names = path === this.#at ? [] : path.slice(this.#at.length + 1).split('/')
    let at = this.#root
    for (const name of names) {
      const next = at.live.get(name)
      if (next?.kind !== 'folder') throw new Error(`${path} was made by somebody else`)
      at = next
    }
    return at
  }
}

function scan(path: string): Folder {
  const live = new Map<string, Node>()
  const node = (entry: Dirent): Node =>
    entry.isDirectory()
      ? scan(join(path, entry.name))
      : { kind: 'file', synced: readFileSync(join(path, entry.name)), unsynced: [] }
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (!OTHERS.test(entry.name)) live.set(entry.name, node(entry))
  return { kind: 'folder', live, synced: new Map(live) }
}

interface Building {
  from: string
  to: string
  fate: Fate
  chance: Chance
}

function build(folder: Folder, { from, to, ...how }: Building): void {
  mkdirSync(to, { recursive: true, mode: 0o700 })
  for (const [name, node] of folder.synced) {
    const path = join(to, name)
    if (node.kind === 'folder') build(node, { from: join(from, name), to: path, ...how })
    else writeFileSync(path, survived(node, how), { mode: 0o600 })
  }
  for (const name of readdirSync(from))
    if (OTHERS.test(name)) copyFileSync(join(from, name), join(to, name))
}

/** The bytes of a file after the loss. */
function survived(file: File, { fate, chance }: Omit<Building, 'from' | 'to'>): Buffer {
  if (fate === 'dropped') return file.synced
  if (fate === 'kept') return applied(file, file.unsynced)
  if (fate === 'torn') {
    const total = file.unsynced.reduce((sum, { bytes }) => sum + bytes.length, 0)
    let left = chance.int(0, total)
    const some = file.unsynced.map(({ at, bytes }) => {
      const piece = { at, bytes: bytes.subarray(0, left) }
      left = Math.max(0, left - bytes.length)
      return piece
    })
    return applied(file, some)
  }
  const sectors = file.unsynced.flatMap(({ at, bytes }) => split(at, bytes))
  const kept = sectors.filter(() => chance.next() < 0.5)
  return applied(file, chance.next() < 0.5 ? chance.shuffled(kept) : kept)
}

/** As sectors of the disk lie, each written whole or not at all. */
function split(at: number, bytes: Buffer): { at: number; bytes: Buffer }[] {
  const pieces: { at: number; bytes: Buffer }[] = []
  for (let from = 0; from < bytes.length; ) {
    const end = Math.min(bytes.length, from + SECTOR_BYTES - ((at + from) % SECTOR_BYTES))
    pieces.push({ at: at + from, bytes: bytes.subarray(from, end) })
    from = end
  }
  return pieces
}

/** Bytes never written between others are zero, as the file system gives them. */
function applied({ synced }: File, writes: readonly { at: number; bytes: Buffer }[]): Buffer {
  const size = Math.max(synced.length, ...writes.filter(({ bytes }) => bytes.length > 0).map(({ at, bytes }) => at + bytes.length)) // biome-ignore format: one line
  const all = Buffer.alloc(size)
  synced.copy(all)
  for (const { at, bytes } of writes) bytes.copy(all, at)
  return all
}
