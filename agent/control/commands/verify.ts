/** `picket verify FILE…`: tells by content what a file is and checks its signatures offline, with public keys alone. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import type { Json } from '../../base/canonical.ts'
import { Failure } from '../../base/failure.ts'
import { type Envelope, type KnownKey, SIGNED_TYPES, verifyJson } from '../../base/signing.ts'
import { brief, visible } from '../../base/text.ts'
import { readPublicKeyFile, readPublicKeys } from '../../keys/signer.ts'
import { isSealed } from '../../summary/seal.ts'
import { Ack, LastWill, Summary } from '../../summary/summary.ts'
import { bodyHash } from '../../summary/verify.ts'
import { type Command, dataFolder, print, printJson, readOptions } from './options.ts'

const FILE_BYTES_MAX = 64 << 20
const ENVELOPES_MAX = 100_000
/** Empty ones among them: splitting a file of nothing else would cost a gigabyte. */
const LINES_MAX = 200_000
const SCHEMAS = { summary: Summary, ack: Ack, lwt: LastWill } as const

/** One signed thing, or a file that holds none. */
interface Finding {
  file: string
  /** A signed type, `sealed`, `audit`, or `unknown`. */
  is: string
  verified: boolean
  /** Its subject in words, where it was verified. */
  about: string | null
  key_id: string | null
  owner: string | null
  /** SHA-256 of the signed body: what a successor names. */
  hash: string | null
  /** Why it is not verified. */
  because: string | null
}

export const command: Command = {
  usage:
    'picket verify FILE… [--keys PUBLIC.JSON | --data DIR] [--json]\n\n' +
    'Files may hold one signed envelope, a JSON list of them, or one a line. Nothing is asked over a network.\n' +
    '--keys is the keys/public.json of the box that signed; without it the keys of --data are used.\n' +
    'Exit 0 when everything is verified, 3 when a signature or its content is refused, 2 when a file is no such thing.',
  async run(args) {
    const { values, positionals } = readOptions(args, { keys: { type: 'string' } })
    if (positionals.length === 0)
      throw new Failure('invalid', 'Name at least one file. Try --help.')
    const known =
      values.keys === undefined
        ? readPublicKeys(join(dataFolder(values.data), 'keys'))
        : readPublicKeyFile(values.keys)
    const found = positionals.flatMap((file) => look(file, known))
    if (values.json) printJson({ files: found })
    else for (const each of found) print(sentence(each))
    judge(found)
  },
}

/** What cannot be judged at all is the caller's matter; what is judged and wrong comes first. */
function judge(found: readonly Finding[]): void {
  const wrong = found.filter(({ verified }) => !verified)
  if (wrong.length === 0) return
  const refused = wrong.filter(({ is }) => isSignedType(is)).length
  const rest = wrong.length - refused
  if (refused > 0)
    throw new Failure('refused', `${refused} of ${found.length} are not what they say they are.`)
  throw new Failure('invalid', `${rest} of ${found.length} could not be verified.`)
}

function sentence({ file: name, is, verified, about, owner, key_id, because }: Finding): string {
  const file = visible(name) // whoever made the file may have named it
  if (!verified) return `${file}: ${is}: NOT verified: ${because}`
  return `${file}: ${is}${about ? ` ${about}` : ''}: verified, signed by ${owner} (key ${key_id})`
}

function look(file: string, known: ReadonlyMap<string, KnownKey>): Finding[] {
  const bytes = readBounded(file)
  const nothing = { file, verified: false, about: null, key_id: null, owner: null, hash: null }
  if (isSealed(bytes))
    return [{ ...nothing, is: 'sealed', because: 'it is sealed for one receiver; only that receiver’s keys open it, and nothing outside tells which' }] // biome-ignore format: one line
  const values = readJson(bytes.toString('utf8'))
  if (!values || values.length === 0)
    return [{ ...nothing, is: 'unknown', because: 'it is neither JSON nor a sealed message' }]
  if (values.some(isAuditLine))
    return [{ ...nothing, is: 'audit', because: 'audit exports cannot be verified here yet' }]
  return values.map((value) => {
    const shape = v.safeParse(AnyEnvelope, value)
    return shape.success
      ? check(file, shape.output, known)
      : { ...nothing, is: 'unknown', because: 'it is JSON, but no signed envelope' }
  })
}

const AnyEnvelope = v.strictObject({
  type: v.picklist(SIGNED_TYPES),
  body: v.string(),
  key_id: v.string(),
  signature: v.string(),
})

function check(file: string, envelope: Envelope, known: ReadonlyMap<string, KnownKey>): Finding {
  const { type, key_id } = envelope
  const speaker = known.get(key_id)
  const owner = speaker ? brief(speaker.owner, 64) : null
  const hash = bodyHash(envelope.body)
  const finding = { file, is: type, key_id: brief(key_id, 64), owner, hash }
  try {
    const body = verifyJson(envelope, type, known, Date.now() * 1000)
    const about = aboutOf(type, body)
    return { ...finding, verified: true, about, because: null }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { ...finding, verified: false, about: null, because: error.message }
  }
}

/** A signature over something that is not of its type's schema is refused too. */
function aboutOf(type: Envelope['type'], body: Json): string | null {
  if (!Object.hasOwn(SCHEMAS, type)) return null
  const schema = SCHEMAS[type as keyof typeof SCHEMAS]
  const shape = v.safeParse(schema as v.GenericSchema<unknown, Summary | Ack | LastWill>, body)
  if (!shape.success)
    throw new Failure('refused', `It is signed, but it is no ${type} of version 1.`)
  const said = shape.output
  if ('window' in said) {
    const time = (us: number) => new Date(us / 1000).toISOString().replace('.000', '')
    return `${said.sequence} of epoch ${said.epoch}, ${brief(said.site, 64)} (${said.tenant_id}), ${time(said.window.from)} to ${time(said.window.to)}` // biome-ignore format: one line
  }
  if ('whole_up_to' in said) return `up to ${said.whole_up_to} of epoch ${said.epoch}`
  return `of appliance ${said.appliance_id}: ${said.state}`
}

function isSignedType(word: string): boolean {
  return (SIGNED_TYPES as readonly string[]).includes(word)
}

/** A line of the audit trail, or an export of it. */
function isAuditLine(value: unknown): boolean {
  const line = Object(value) as Record<string, unknown>
  return 'seq' in line && 'prev' in line && 'verb' in line
}

/** One value, a list, or one a line; nothing when it is none of them. */
function readJson(text: string): unknown[] | undefined {
  const whole = parsed(text)
  if (whole) return bounded(Array.isArray(whole.value) ? whole.value : [whole.value])
  const rows = text.split('\n', LINES_MAX)
  if (rows.length === LINES_MAX)
    throw new Failure('invalid', `A file has ${LINES_MAX} lines or more.`)
  const lines = bounded(rows.filter((line) => line.trim() !== '')).map(parsed)
  return lines.every((line) => line !== undefined) ? lines.map(({ value }) => value) : undefined
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

function bounded<T>(list: T[]): T[] {
  if (list.length > ENVELOPES_MAX)
    throw new Failure('invalid', `A file holds more than ${ENVELOPES_MAX} envelopes.`)
  return list
}

function readBounded(file: string): Buffer {
  try {
    const stat = statSync(file)
    // A pipe or a device has no size, and no end.
    if (!stat.isFile()) throw new Error('not a file')
    if (stat.size <= FILE_BYTES_MAX) return readFileSync(file)
  } catch (error) {
    throw new Failure('invalid', `${file} cannot be read.`, { file }, error)
  }
  throw new Failure('invalid', `${file} is larger than ${FILE_BYTES_MAX >> 20} MiB.`, { file })
}
