/**
 * What is tried: the disk that `./build.sh image` left, the tools it was made with, and the key of a test build. A test
 * that lacks one of them says so and is skipped.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '../traffic/three-networks.ts'
import { Disk } from './disk.ts'
import { missing } from './programs.ts'

const OUT = fileURLToPath(new URL('../../out/image', import.meta.url))
const STATE = fileURLToPath(new URL('../../.state/image', import.meta.url))

/** The partition with the files, not the one with their hashes. */
export const ROOT = /^(?!esp$|.*verity|.*empty|data)/i

/** From nothing, on a machine that runs all other tests beside it. */
const MADE_MS_MAX = 1_200_000

export interface Built {
  disk: string
  /** A Debian tree with ukify, mkfs.erofs and the like. */
  tools: string
  /** Signs what a test build's TPM policy believes. */
  pcrKey: string
}

/** Nothing, after a line that says why, where no image can be booted. `./build.sh test` builds it meanwhile: then it is waited for. */
export async function built(): Promise<Built | undefined> {
  await madeMeanwhile(process.env['PICKET_IMAGE_MADE'])
  const found = {
    disk: process.env['PICKET_DISK'] ?? join(OUT, 'disk.raw'),
    tools: process.env['PICKET_IMAGE_TOOLS'] ?? join(STATE, 'tools'),
    pcrKey: process.env['PICKET_PCR_KEY'] ?? join(OUT, 'keys', 'pcr.pem'),
  }
  const lacking = missing()
  for (const path of Object.values(found)) if (!existsSync(path)) lacking.push(path)
  if (lacking.length === 0) return found
  process.stderr.write(
    `SKIPPED: the image is not booted here, for want of ${lacking.join(', ')}.\n`,
  )
  return undefined
}

/** The file holds how the build ended, once it has. */
async function madeMeanwhile(file: string | undefined): Promise<void> {
  if (file === undefined) return
  await until(() => existsSync(file), 'the image is made', MADE_MS_MAX)
  const status = readFileSync(file, 'utf8').trim()
  if (status !== '0') throw new Error(`./build.sh image ended with ${status}: ${file}.log says why`)
}

/** The files of the root partition, by the tools' own reader of that file system; `done` takes them away again. */
export function openRoot({ disk, tools }: Built): { root: string; done: () => void } {
  const folder = mkdtempSync(join(tools, 'tmp', 'picket-root-'))
  const done = () => rmSync(folder, { recursive: true, force: true })
  try {
    const { offset, bytes } = Disk.of(disk).partition(ROOT)
    const blocks = [`iflag=skip_bytes,count_bytes`, `skip=${offset}`, `count=${bytes}`]
    const image = join(folder, 'erofs')
    execFileSync('dd', [
      `if=${disk}`,
      `of=${image}`,
      'bs=1M',
      'conv=sparse',
      'status=none',
      ...blocks,
    ])
    const inside = `/tmp/${basename(folder)}`
    execFileSync('chroot', [tools, 'fsck.erofs', `--extract=${inside}/root`, `${inside}/erofs`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    return { root: join(folder, 'root'), done }
  } catch (error) {
    done()
    throw error
  }
}

/** Names of our own units, as systemd is asked about them: a template as one of its instances. */
export function ownServices(root: string): string[] {
  return readdirSync(join(root, 'usr/lib/systemd/system'))
    .filter((name) => /^picket-.*\.service$/.test(name))
    .map((name) => name.replace('@.', '@tried.'))
    .sort()
}
