/** A real disk of a few MiB for one test: a tmpfs of its own, which can be filled and made read-only. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class SmallDisk {
  readonly path = mkdtempSync(join(tmpdir(), 'small-disk-'))

  /** Nothing where this machine lets us mount none. */
  static mount(mib: number): SmallDisk | undefined {
    const disk = new SmallDisk()
    const options = ['-t', 'tmpfs', '-o', `size=${mib}m,mode=0700`, 'tmpfs', disk.path]
    if (spawnSync('mount', options).status === 0) return disk
    rmdirSync(disk.path)
    return undefined
  }

  /** To the last byte. */
  fill(): void {
    const fd = openSync(join(this.path, 'ballast'), 'w')
    const block = Buffer.alloc(4096)
    try {
      for (;;) writeSync(fd, block)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    } finally {
      closeSync(fd)
    }
  }

  empty(): void {
    rmSync(join(this.path, 'ballast'))
  }

  /** False where a file is open for writing. */
  remount(how: 'ro' | 'rw'): boolean {
    return spawnSync('mount', ['-o', `remount,${how}`, this.path]).status === 0
  }

  unmount(): void {
    spawnSync('umount', [this.path])
    rmdirSync(this.path)
  }
}
