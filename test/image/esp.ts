/** The EFI system partition, as somebody has it who took the disk out: FAT, unsigned, writable by anybody. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import type { Disk } from './disk.ts'

export class Esp {
  readonly #image: string

  constructor(disk: Disk) {
    this.#image = `${disk.path}@@${disk.partition(/^esp$/i).offset}`
  }

  /** Every file of it, by its path from the root. */
  list(): string[] {
    return beside((folder) => {
      this.#mtool('mcopy', '-s', '-n', '::/', folder)
      return readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((path) => statSync(join(folder, path)).isFile())
        .map((path) => `/${path}`)
        .sort()
    })
  }

  /** The paths of one folder, without a look at the files: cheap enough to be asked while the box runs. */
  within(folder: string): string[] {
    const said = execFileSync('mdir', ['-i', this.#image, '-b', `::${folder}`], {
      encoding: 'utf8',
    })
    return said.split(/\s+/).flatMap((line) => (line.startsWith('::') ? [line.slice(2)] : []))
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
