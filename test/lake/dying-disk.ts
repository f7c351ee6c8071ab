/** The real disk for a process that is to die (SIGKILL) at its n-th change, just before it or with it under way. */
import { writeSync } from 'node:fs'
import { basename } from 'node:path'
import { type Disk, realDisk } from '../../agent/base/disk.ts'

export interface Death {
  /** Which change; counted only while `counts` says so. */
  at: number
  underWay: boolean
  counts(): boolean
}

export class DyingDisk implements Disk {
  readonly #death: Death
  #count = 0

  constructor(death: Death) {
    this.#death = death
  }

  /** A step of another kind than a change of the disk: one side of a commit. */
  step(what: string): void {
    if (this.#isDue()) die(`before ${what}`)
  }

  async create(path: string, exclusive?: boolean) {
    const isSegment = path.endsWith('.new')
    const file = await this.#change(`create ${kindOf(path)}`, () =>
      realDisk.create(path, exclusive),
    )
    let what = kindOf(path)
    return {
      fd: file.fd,
      write: (bytes: Buffer, at: number) => {
        if (isSegment) what = at === 0 ? 'segment header' : 'frame'
        return this.#change(`write ${what}`, () => file.write(bytes, at))
      },
      sync: () => this.#change(`sync ${what}`, () => file.sync()),
      close: () => file.close(),
    }
  }

  rename(from: string, to: string): Promise<void> {
    return this.#change(`name ${kindOf(to)}`, () => realDisk.rename(from, to))
  }

  remove(path: string): Promise<void> {
    return this.#change(`remove ${kindOf(path)}`, () => realDisk.remove(path))
  }

  syncFolder(folder: string): Promise<void> {
    return this.#change(`sync names of ${kindOf(folder)}`, () => realDisk.syncFolder(folder))
  }

  makeFolder(root: string, inside: string): void {
    this.step(`make ${kindOf(inside)}`)
    realDisk.makeFolder(root, inside)
  }

  writeWhole(path: string, bytes: string): void {
    this.step(`write ${kindOf(path)}`)
    realDisk.writeWhole(path, bytes)
  }

  #isDue(): boolean {
    const { at, counts } = this.#death
    return counts() && ++this.#count === at
  }

  async #change<T>(what: string, act: () => Promise<T>): Promise<T> {
    if (!this.#isDue()) return act()
    if (!this.#death.underWay) die(`before ${what}`)
    act().catch(() => {})
    return die(`during ${what}`)
  }
}

function die(point: string): never {
  writeSync(1, `died ${point}\n`)
  process.kill(process.pid, 'SIGKILL')
  throw new Error('killed')
}

function kindOf(path: string): string {
  const name = basename(path)
  if (name.endsWith('.parquet') || name.endsWith('.parquet.part')) return 'lake file'
  if (name.endsWith('.new')) return 'new segment'
  if (name.endsWith('.seg')) return 'open segment'
  if (name.endsWith('.closed')) return 'closed segment'
  if (name.endsWith('.json')) return 'anchor'
  if (/^tier\d$/.test(name)) return 'tier folder'
  return /^[0-9a-f]{32}$/.test(name) ? 'journal folder' : name
}
