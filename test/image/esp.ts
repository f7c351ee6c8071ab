/** The EFI system partition, as somebody has it who took the disk out: FAT, unsigned, writable by anybody. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import type { Disk } from './disk.ts'

const SECTOR = 512

export class Esp {
  readonly #image: string
  readonly #disk: Disk
  readonly #offset: number

  constructor(disk: Disk) {
    this.#disk = disk
    this.#offset = disk.partition(/^esp$/i).offset
    this.#image = `${disk.path}@@${this.#offset}`
  }

  /** Every file of it, by its path from the root. */
  list(): string[] {
    return this.#files().map(({ path }) => path)
  }

  /** The paths of one folder, without a look at the files: cheap enough to be asked while the box runs. */
  within(folder: string): string[] {
    const said = execFileSync('mdir', ['-i', this.#image, '-b', `::${folder}`], {
      encoding: 'utf8',
    })
    return said.split(/\s+/).flatMap((line) => (line.startsWith('::') ? [line.slice(2)] : []))
  }

  /** Bytes that the FAT (FAT32, Microsoft's specification of 2000) calls taken and no file has: folders, and what a cut left loose. */
  looseBytes(): number {
    const head = this.#disk.read(this.#offset, SECTOR)
    const sector = head.readUInt16LE(11)
    const cluster = sector * head.readUInt8(13)
    const table = this.#disk.read(
      this.#offset + head.readUInt16LE(14) * sector,
      head.readUInt32LE(36) * sector,
    )
    let taken = 0
    for (let at = 8; at < table.length; at += 4) if (table.readUInt32LE(at) !== 0) taken += cluster
    return (
      taken -
      this.#files().reduce((sum, { bytes }) => sum + Math.ceil(bytes / cluster) * cluster, 0)
    )
  }

  read(path: string): Buffer {
    return beside((folder) => {
      this.#mtool('mcopy', '-n', `::${path}`, join(folder, 'file'))
      return readFileSync(join(folder, 'file'))
    })
  }

  write(path: string, bytes: Uint8Array): void {
    this.#makeFolders(posix.dirname(path))
    beside((folder) => {
      writeFileSync(join(folder, 'file'), bytes)
      this.#mtool('mcopy', '-o', join(folder, 'file'), `::${path}`)
    })
  }

  rename(path: string, to: string): void {
    this.#mtool('mren', `::${path}`, `::${to}`)
  }

  remove(path: string): void {
    this.#mtool('mdel', `::${path}`)
  }

  #files(): { path: string; bytes: number }[] {
    return beside((folder) => {
      this.#mtool('mcopy', '-s', '-n', '::/', folder)
      return readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .map((path) => ({ path: `/${path}`, found: statSync(join(folder, path)) }))
        .filter(({ found }) => found.isFile())
        .map(({ path, found }) => ({ path, bytes: found.size }))
        .sort((a, b) => (a.path < b.path ? -1 : 1))
    })
  }

  #makeFolders(folder: string): void {
    let path = ''
    for (const name of folder.split('/').filter((each) => each !== '')) {
      path += `/${name}`
      try {
        this.#mtool('mmd', '-D', 's', `::${path}`)
      } catch {
        // it is there already; if not, the copy that follows says so
      }
    }
  }

  #mtool(program: string, ...words: string[]): void {
    execFileSync(program, ['-i', this.#image, ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
  }
}

function beside<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'picket-esp-'))
  try {
    return use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
