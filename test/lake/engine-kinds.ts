/**
 * The kinds of nodes that the engine can write and read as text, out of the engine itself: its library carries
 * one table of words for each enumeration (ELF64, its symbols not stripped). No list of ours stands between.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const ENTRY_BYTES = 16 // a number, padding, and where its word stands
const TABLE = /^_ZZN6duckdb\d+Get(\w+?)ValuesEvE6values$/

/** Enumeration → its words. */
export function engineKinds(): Map<string, string[]> {
  const file = readFileSync(libraryPath())
  const sections = sectionsOf(file)
  const words = relocations(file, sections)
  const kinds = new Map<string, string[]>()
  const symbols = sections.find(({ type }) => type === SYMTAB)
  const strings = symbols && sections[symbols.link]
  if (!symbols || !strings) throw new Error('the library of the engine has no symbols')
  for (let at = symbols.offset; at < symbols.offset + symbols.size; at += 24) {
    const name = textAt(file, strings.offset + file.readUInt32LE(at))
    const [, enumeration] = TABLE.exec(name) ?? []
    if (!enumeration) continue
    const start = Number(file.readBigUInt64LE(at + 8))
    const size = Number(file.readBigUInt64LE(at + 16))
    const own = Array.from({ length: size / ENTRY_BYTES }, (_, i) => {
      const word = words.get(start + i * ENTRY_BYTES + 8)
      if (word === undefined) throw new Error(`${enumeration} has an entry without a word`)
      return textAt(file, fileOffset(sections, word))
    })
    kinds.set(enumeration, own)
  }
  return kinds
}

function libraryPath(): string {
  const require = createRequire(import.meta.url)
  const api = createRequire(require.resolve('@duckdb/node-api'))
  const bindings = createRequire(api.resolve('@duckdb/node-bindings'))
  const own = bindings.resolve(`@duckdb/node-bindings-${process.platform}-${process.arch}/package.json`) // biome-ignore format: one line
  return join(dirname(own), 'libduckdb.so')
}

interface Section {
  type: number
  address: number
  offset: number
  size: number
  link: number
}
const SYMTAB = 2
const RELA = 4
const RELATIVE = new Set([8, 1027]) // R_X86_64_RELATIVE, R_AARCH64_RELATIVE

function sectionsOf(file: Buffer): Section[] {
  const start = Number(file.readBigUInt64LE(0x28))
  return Array.from({ length: file.readUInt16LE(0x3c) }, (_, i) => {
    const at = start + i * file.readUInt16LE(0x3a)
    return {
      type: file.readUInt32LE(at + 4),
      address: Number(file.readBigUInt64LE(at + 16)),
      offset: Number(file.readBigUInt64LE(at + 24)),
      size: Number(file.readBigUInt64LE(at + 32)),
      link: file.readUInt32LE(at + 40),
    }
  })
}

/** Where a pointer stands → what it points at. */
function relocations(file: Buffer, sections: readonly Section[]): Map<number, number> {
  const found = new Map<number, number>()
  for (const { type, offset, size } of sections)
    if (type === RELA)
      for (let at = offset; at < offset + size; at += 24)
        if (RELATIVE.has(file.readUInt32LE(at + 8)))
          found.set(Number(file.readBigUInt64LE(at)), Number(file.readBigUInt64LE(at + 16)))
  return found
}

function fileOffset(sections: readonly Section[], address: number): number {
  const own = sections.find((each) => address >= each.address && address < each.address + each.size && each.address > 0) // biome-ignore format: one line
  if (!own) throw new Error('a word lies outside the library')
  return own.offset + address - own.address
}

function textAt(file: Buffer, at: number): string {
  return file.toString('latin1', at, file.indexOf(0, at))
}
