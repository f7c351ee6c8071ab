/**
 * Kernel images as an attacker, or a bad update, would put them on the ESP: taken apart, changed, put together again
 * with the image's own tools. Only the keys of a test build sign them; those of a release are not here to be used.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const SECTIONS_MAX = 96

/** The parts of a unified kernel image by their names: `.linux`, `.initrd`, `.cmdline`, `.osrel`, … */
export function takeApart(uki: Buffer): Map<string, Buffer> {
  const pe = uki.readUInt32LE(0x3c)
  if (uki.toString('latin1', pe, pe + 4) !== 'PE\0\0') throw new Error('that is no PE file')
  const count = Math.min(uki.readUInt16LE(pe + 6), SECTIONS_MAX)
  const table = pe + 24 + uki.readUInt16LE(pe + 20)
  const parts = new Map<string, Buffer>()
  for (let i = 0; i < count; i++) {
    const at = table + i * 40
    const name = uki.toString('latin1', at, at + 8).replace(/\0.*$/s, '')
    const bytes = Math.min(uki.readUInt32LE(at + 8), uki.readUInt32LE(at + 16))
    const offset = uki.readUInt32LE(at + 20)
    parts.set(name, uki.subarray(offset, offset + bytes))
  }
  return parts
}

export function textOf(parts: Map<string, Buffer>, name: string): string {
  return (parts.get(name) ?? Buffer.alloc(0)).toString().replace(/\0+$/, '').trim()
}

/** ukify and its stubs, in the tree of tools that the image was built with; root, as chroot asks for it. */
export class Ukify {
  readonly #tree: string

  constructor(tree: string) {
    this.#tree = tree
  }

  /** The image again with other words for the kernel; signed for the TPM where a key is at hand. */
  image(
    parts: Map<string, Buffer>,
    change: { cmdline: string; osrel?: string; pcrKey?: string },
  ): Buffer {
    return this.#work((folder, inside) => {
      const part = (name: string) => {
        writeFileSync(join(folder, name), parts.get(name) ?? Buffer.alloc(0))
        return `${inside}/${name}`
      }
      writeFileSync(join(folder, 'osrel'), change.osrel ?? textOf(parts, '.osrel'))
      const words = [
        ...[
          `--linux=${part('.linux')}`,
          `--initrd=${part('.initrd')}`,
          `--cmdline=${change.cmdline}`,
        ],
        ...[`--os-release=@${inside}/osrel`, `--uname=${textOf(parts, '.uname')}`],
      ]
      if (change.pcrKey) {
        copyFileSync(change.pcrKey, join(folder, 'pcr.pem'))
        const key = [`--pcr-private-key=${inside}/pcr.pem`, `--pcr-public-key=${part('.pcrpkey')}`]
        words.push(...key, '--pcr-banks=sha256', `--phases=${PHASES}`)
      }
      return words
    })
  }

  /** Words for the kernel in a file beside an image: systemd-stub takes it where Secure Boot does not forbid it. */
  addOn(cmdline: string): Buffer {
    return this.#work(() => [`--cmdline=${cmdline}`])
  }

  #work(words: (folder: string, inside: string) => string[]): Buffer {
    const folder = mkdtempSync(join(this.#tree, 'tmp', 'picket-uki-'))
    const inside = `/tmp/${basename(folder)}`
    try {
      const args = ['ukify', 'build', ...words(folder, inside), `--output=${inside}/out.efi`]
      execFileSync('chroot', [this.#tree, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
      return readFileSync(join(folder, 'out.efi'))
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
}

/** Moments of a boot at which a signed policy holds, as `image/` signs them. */
const PHASES = 'enter-initrd'
