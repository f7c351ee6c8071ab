/**
 * Canaries: bytes that are random in each run and planted where an attacker must not come, or must not destroy; and the
 * scanner that looks for them in whatever was seen, however it may be written. It never reads an error to learn who won.
 */
import { randomInt } from 'node:crypto'
import { closeSync, type Dirent, lstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs' // biome-ignore format: one line
import { join } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'

const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789'
const CANARY_LETTERS = 24
const UNDO_BYTES_MAX = 16 << 20
const UNPACK_BYTES_MAX = 64 << 20
const FILE_BYTES_MAX = 256 << 20
const MEMORY_STEP_BYTES = 4 << 20
/** What programs make of a value on their way: looking for more takes seconds a process. */
const MEMORY_FORMS = new Set(['as it is', 'hex', 'base64', 'UTF-16, little'])

export interface Canary {
  /** Whose it is, in words: the only thing of it that is ever printed. */
  readonly what: string
  readonly bytes: Buffer
}

/** A name, a row, a password: letters and digits, so that it fits everywhere. */
export function canary(what: string): Canary & { readonly text: string } {
  const text = Array.from({ length: CANARY_LETTERS }, () => LETTERS[randomInt(LETTERS.length)])
  return { what, text: text.join(''), bytes: Buffer.from(text.join('')) }
}

/** Something that is already there and as unguessable: a key, an id. */
export function canaryOf(what: string, bytes: Uint8Array | string): Canary {
  return { what, bytes: Buffer.from(bytes as string) }
}

/** Somewhere an attacker could look: a reply, a log, a file. */
export interface Place {
  readonly where: string
  readonly bytes: Buffer
}

export interface Found {
  readonly what: string
  readonly where: string
  readonly form: string
}

type Needles = readonly [form: string, needle: Buffer][]

/** How bytes may be written, each as what would stand there. */
function needlesOf({ bytes }: Canary): Needles {
  const apart = (before: boolean) =>
    Buffer.concat(Array.from(bytes, (byte) => Buffer.from(before ? [0, byte] : [byte, 0])))
  return [
    ['as it is', bytes],
    ['reversed', Buffer.from(bytes).reverse()],
    ['hex', Buffer.from(bytes.toString('hex'))],
    ['hex', Buffer.from(bytes.toString('hex').toUpperCase())],
    ['capitals', Buffer.from(bytes.toString('latin1').toUpperCase(), 'latin1')],
    ['UTF-16, little', apart(false)],
    ['UTF-16, big', apart(true)],
    ...[0, 1, 2].flatMap((shift): Needles => {
      const text = base64At(bytes, shift)
      const url = text.replaceAll('+', '-').replaceAll('/', '_')
      return [text, url].map((each) => ['base64', Buffer.from(each)])
    }),
  ]
}

/** What of the base64 text stays the same when `shift` (mod 3) other bytes stand before and any stand behind. */
function base64At(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replaceAll('=', '')
  const tail = (shift + bytes.length) % 3 === 0 ? 0 : 1
  return text.slice(shift === 0 ? 0 : shift + 1, text.length - tail)
}

/** Every canary in every place it is found, once a place. */
export function scan(canaries: readonly Canary[], places: readonly Place[]): Found[] {
  const wanted = canaries.map((each) => ({ what: each.what, needles: needlesOf(each) }))
  return places.flatMap(({ where, bytes }) => {
    const ways: [form: string | undefined, bytes: Buffer][] = [
      [undefined, bytes],
      ...undone(bytes).map((plain): [string, Buffer] => ['escaped', plain]),
      ...unpacked(bytes).map((plain): [string, Buffer] => ['packed', plain]),
    ]
    return wanted.flatMap(({ what, needles }) => {
      for (const [way, each] of ways) {
        const hit = needles.find(([, needle]) => each.includes(needle))
        if (hit) return [{ what, where, form: way ?? hit[0] }]
      }
      return []
    })
  })
}

/** Text that is escaped here and there, with its escapes undone. */
function undone(bytes: Buffer): Buffer[] {
  if (bytes.length > UNDO_BYTES_MAX || !(bytes.includes('%') || bytes.includes('\\'))) return []
  const text = bytes.toString('latin1')
  const plain = text.replace(/(?:%|\\x|\\u00)([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))) // biome-ignore format: one line
  return plain === text ? [] : [Buffer.from(plain, 'latin1')]
}

function unpacked(bytes: Buffer): Buffer[] {
  const limit = { maxOutputLength: UNPACK_BYTES_MAX }
  try {
    if (bytes.readUInt16BE(0) === 0x1f8b) return [gunzipSync(bytes, limit)]
    if (bytes.readUInt32LE(0) === 0xfd2fb528) return [zstdDecompressSync(bytes, limit)]
  } catch {
    // Not packed after all, or too much: it was looked at as it is.
  }
  return []
}

/** What was observed as bytes: an answer, an Error with what it carries, a text. */
export function place(where: string, what: unknown): Place {
  if (Buffer.isBuffer(what)) return { where, bytes: what }
  if (typeof what === 'string') return { where, bytes: Buffer.from(what) }
  if (what instanceof Error) {
    const { message, cause } = what
    const { kind = what.name, about = {} } = what as { kind?: string; about?: object }
    const more = JSON.stringify({ ...about, ...(cause === undefined ? {} : { cause: `${cause}` }) })
    return { where, bytes: Buffer.from(`${kind}: ${message}${more === '{}' ? '' : ` ${more}`}`) }
  }
  const whole = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)
  return { where, bytes: Buffer.from(JSON.stringify(what, whole) ?? 'nothing') }
}

/** Every file below a folder, and its name; of a file that is too large, the first part. */
export function filesBelow(...folders: readonly string[]): Place[] {
  return folders.flatMap((folder) => placesOf(folder, entriesOf(folder)))
}

/** The same of those that were not there `before`: a folder that others use too. */
export function filesSince(before: readonly string[], folder: string): Place[] {
  const known = new Set(before)
  return placesOf(
    folder,
    entriesOf(folder).filter((name) => !known.has(name)),
  )
}

function placesOf(folder: string, names: readonly string[]): Place[] {
  return names.flatMap((name) => {
    const path = join(folder, name)
    const named = { where: `the name of ${path}`, bytes: Buffer.from(name) }
    const held = ifThere(() => {
      const stat = lstatSync(path)
      return stat.isFile() ? [{ where: path, bytes: firstOf(path, stat.size) }] : []
    })
    return [named, ...held.flat()]
  })
}

/** Files, folders and what else there is, by their names below it. On a running box some of them go while they are listed. */
export function entriesOf(folder: string): string[] {
  let entries: Dirent[] = []
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return entries.flatMap((entry) => [
    entry.name,
    ...(entry.isDirectory() ? entriesOf(join(folder, entry.name)).map((name) => join(entry.name, name)) : []), // biome-ignore format: one line
  ])
}

/** Of what has no longer that name, nothing. */
export function ifThere<T>(look: () => T): T[] {
  try {
    return [look()]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return []
  }
}

function firstOf(path: string, size: number): Buffer {
  if (size <= FILE_BYTES_MAX) return readFileSync(path)
  const fd = openSync(path, 'r')
  const bytes = Buffer.alloc(FILE_BYTES_MAX)
  const read = readSync(fd, bytes, 0, bytes.length, 0)
  closeSync(fd)
  return bytes.subarray(0, read)
}

/** What a process has in memory that it can write to, read from outside (as root, or as one who may trace it). */
export function scanMemory(pid: number, canaries: readonly Canary[]): Found[] {
  const wanted = canaries.map((each) => ({
    what: each.what,
    needles: needlesOf(each).filter(([form]) => MEMORY_FORMS.has(form)),
  }))
  const overlap = Math.max(0, ...wanted.flatMap(({ needles }) => needles.map(([, { length }]) => length))) // biome-ignore format: one line
  const found = new Map<string, Found>()
  const mem = openSync(`/proc/${pid}/mem`, 'r')
  const buffer = Buffer.allocUnsafe(MEMORY_STEP_BYTES + overlap)
  try {
    for (const [from, to, region] of writableOf(pid))
      for (let at = from; at < to; at += MEMORY_STEP_BYTES) {
        const length = readAt(mem, buffer, at, Math.min(buffer.length, to - at))
        const bytes = buffer.subarray(0, length)
        for (const { what, needles } of wanted) {
          if (found.has(what)) continue
          const hit = needles.find(([, needle]) => bytes.includes(needle))
          if (hit) found.set(what, { what, where: `memory of ${pid} ${region}`, form: hit[0] })
        }
      }
  } finally {
    closeSync(mem)
  }
  return [...found.values()]
}

function readAt(fd: number, buffer: Buffer, at: number, length: number): number {
  try {
    return readSync(fd, buffer, 0, length, at)
  } catch {
    return 0 // reserved, never touched
  }
}

function writableOf(pid: number): [from: number, to: number, name: string][] {
  return readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, from = '', to = '', rights = '', name = ''] =
        /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)$/.exec(line) ?? []
      const range = [from, to].map((hex) => Number.parseInt(hex, 16)) as [number, number]
      return rights.startsWith('rw') ? [[...range, name]] : []
    })
}
