/**
 * A disk with the bytes of disk.raw, of its own: each test starts with it as it was built. Here it is read and changed
 * while the machine is off, as by somebody who has it in the hand.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readSync, statSync, truncateSync, writeSync } from 'node:fs'

const SECTOR = 512
const PARTITIONS_MAX = 128
/** What a box has at least: the first boot adds its partitions behind those of the image. */
const DISK_BYTES = 8 * 2 ** 30

export interface Partition {
  name: string
  offset: number
  bytes: number
}

export class Disk {
  readonly path: string
  /** The image is so long; behind it nothing was ever written. */
  readonly usedBytes: number

  private constructor(path: string) {
    this.path = path
    this.usedBytes = statSync(path).size
  }

  /** To be read. */
  static of(path: string): Disk {
    return new Disk(path)
  }

  static copyOf(base: string, path: string): Disk {
    execFileSync('cp', ['--sparse=always', '--reflink=auto', base, path])
    const disk = new Disk(path)
    truncateSync(path, DISK_BYTES)
    return disk
  }

  /** The table as it is now, in the order of the disk. */
  partitions(): Partition[] {
    const head = this.read(SECTOR, SECTOR)
    if (head.toString('latin1', 0, 8) !== 'EFI PART') throw new Error(`${this.path} has no GPT`)
    const at = Number(head.readBigUInt64LE(72)) * SECTOR
    const count = Math.min(head.readUInt32LE(80), PARTITIONS_MAX)
    const size = head.readUInt32LE(84)
    const table = this.read(at, count * size)
    const found: Partition[] = []
    for (let i = 0; i < count; i++) {
      const entry = table.subarray(i * size, (i + 1) * size)
      const first = Number(entry.readBigUInt64LE(32))
      const last = Number(entry.readBigUInt64LE(40))
      const name = entry.toString('utf16le', 56, 128).replace(/\0.*$/s, '')
      if (first > 0)
        found.push({ name, offset: first * SECTOR, bytes: (last - first + 1) * SECTOR })
    }
    return found.sort((a, b) => a.offset - b.offset)
  }

  partition(name: RegExp): Partition {
    const all = this.partitions()
    const found = all.find((each) => name.test(each.name))
    if (found) return found
    throw new Error(`no partition is named ${name}: ${all.map((each) => each.name).join(', ')}`)
  }

  read(offset: number, bytes: number): Buffer {
    const buffer = Buffer.alloc(bytes)
    const fd = openSync(this.path, 'r')
    readSync(fd, buffer, 0, bytes, offset)
    closeSync(fd)
    return buffer
  }

  write(offset: number, bytes: Uint8Array): void {
    const fd = openSync(this.path, 'r+')
    writeSync(fd, bytes, 0, bytes.length, offset)
    closeSync(fd)
  }
}
