/** `picket fleet …`: Fleet Command on a primary, joining and leaving on a branch, and how both stand. */
import { closeSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import type { Json } from '../../base/canonical.ts'
import { Failure } from '../../base/failure.ts'
import { borrow } from '../borrow.ts'
import { type CliCalls, type ClientOf, type Joined, keysForCli } from '../keys-client.ts'
import { LinkClient } from '../link-client.ts'
import { ASKED, askLink } from './fleet-ask.ts'
import { readCode } from './fleet-code.ts'
import { join, readDoor, tell } from './fleet-door.ts'
import { joinsInWords, when } from './fleet-words.ts'
import { type Command, dataFolder, print, printJson, readOptions, required } from './options.ts'

const FILE_BYTES_MAX = 65_536

const OPTIONS = {
  tenant: { type: 'string' },
  site: { type: 'string' },
  door: { type: 'string' },
  code: { type: 'string' },
  out: { type: 'string' },
  fingerprint: { type: 'string' },
  epoch: { type: 'string' },
  sequence: { type: 'string' },
} as const

type Keys = ClientOf<CliCalls>
type Values = Partial<Record<keyof typeof OPTIONS, string>>

/** What one verb is asked with, and how it answers: `words` for people, `json` for programs. */
interface Asked {
  keys: Keys
  values: Values
  positionals: string[]
}
interface Answer {
  json: unknown
  words: string[]
  /** Set where picket-link must read anew. */
  changed?: boolean
}

const VERBS: Record<string, (asked: Asked) => Promise<Answer>> = {
  enable: (asked) => edition(asked, true),
  disable: (asked) => edition(asked, false),
  claim,
  join: joinFleet,
  leave,
  revoke,
  members,
  request,
  accept,
  finish,
}

export const command: Command = {
  usage:
    'picket fleet enable|disable [--tenant T]\n' +
    'picket fleet claim [--tenant T] [--site NAME]\n' +
    'picket fleet join --door HOST:PORT --code -|CODE [--tenant T] [--site NAME]\n' +
    'picket fleet request --out FILE [--tenant T] [--site NAME]    on the branch\n' +
    'picket fleet accept FILE --out FILE                            on the primary\n' +
    'picket fleet finish FILE [--fingerprint ID]                    on the branch\n' +
    'picket fleet members | revoke TENANT [--epoch E --sequence S]\n' +
    'picket fleet leave [--tenant T]\n' +
    'picket fleet status | uplinks\n' +
    'picket fleet received [--tenant T [--out NAME]]      with --out: what that site signed, and its key\n\n' +
    'All take [--data DIR] [--json]. claim prints a code that lets one site join within ten minutes; join brings it\n' +
    'to the door, and both ends show the same six digits (on the primary: picket fleet members). With --code - it is\n' +
    'asked for, or read from standard input: on a command line every user of the machine can read it.',
  async run([verb = '', ...args]) {
    const { values, positionals } = readOptions(args, OPTIONS)
    const data = dataFolder(values.data)
    const say = ({ json, words }: Answer) =>
      values.json ? printJson(json) : print(words.join('\n'))
    const asked = ASKED.find((each) => each === verb)
    if (asked) return say(await askLink(data, asked, values))
    const act = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined
    if (!act)
      throw new Failure(
        'invalid',
        `It is picket fleet ${[...Object.keys(VERBS), 'status'].join(', ')} or uplinks. Try --help.`,
      )
    const answer = await borrow({ data, config: values.config }, ['keys'], async () => {
      const keys = keysForCli(data)
      try {
        return await act({ keys, values, positionals })
      } finally {
        keys.close()
      }
    })
    if (answer.changed) await tellLink(data)
    say(answer)
  },
}

async function edition({ keys, values }: Asked, on: boolean): Promise<Answer> {
  const json = await keys.fleetEdition({ on, ...named(values, 'tenant') })
  return { json, words: [`Fleet Command is ${on ? 'on' : 'off'}.`], changed: true }
}

async function claim({ keys, values }: Asked): Promise<Answer> {
  const json = await keys.fleetClaim({ ...named(values, 'tenant'), ...named(values, 'site') })
  const { code, door, tenant_id, endsAt } = json
  const words = [
    `Code: ${code}, for ${tenant_id ?? 'any one site'}, once, until ${when(endsAt)}`,
    `Door: ${door.host}:${door.port}, key ${door.fingerprint}`,
    `On the branch, where it asks for the code: picket fleet join --door ${door.host}:${door.port} --code -`,
  ]
  return { json, words }
}

async function joinFleet({ keys, values }: Asked): Promise<Answer> {
  const door = readDoor(required(values.door, 'door'))
  const code = await readCode(required(values.code, 'code'))
  let join_id = ''
  const reply = await join(door, async (exporter) => {
    const asked = { code, exporter, ...named(values, 'tenant'), ...named(values, 'site') }
    const made = await keys.joinRequest(asked)
    join_id = made.join_id
    return made.body
  })
  return joinedAnswer(await keys.joinFinish({ join_id, reply }))
}

function joinedAnswer(json: Joined): Answer {
  const { tenant_id, fleet_id, receiver, url, digits, fingerprint } = json
  const words = [`${tenant_id} has joined the fleet ${fleet_id}: ${receiver}, ${url}`]
  if (digits) words.push(`Compare with the primary (picket fleet members): ${spaced(digits)}`)
  else words.push(`The primary's key is ${fingerprint}: compare it with what accept printed there.`)
  return { json, words, changed: true }
}

/** The uplink ends here in any case; a primary that cannot be told has to revoke. */
async function leave({ keys, values }: Asked): Promise<Answer> {
  const { uplink_id, door, ca, identity, receiver, envelope } = await keys.leaveRequest(
    named(values, 'tenant'),
  )
  let untold: string | null = null
  try {
    await tell(readDoor(door), { ca, identity }, '/v1/leave', { ...envelope })
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    untold = error.message
  }
  await keys.leaveFinish({ uplink_id })
  const words = [`This box sends nothing to ${receiver} any more.`]
  if (untold !== null) words.push(`The primary was not told: ${untold} Revoke this site there.`)
  return { json: { left: true, told: untold === null, because: untold }, words, changed: true }
}

async function revoke({ keys, values, positionals }: Asked): Promise<Answer> {
  const tenant_id = required(positionals[0], 'TENANT')
  const from = { ...count(values, 'epoch'), ...count(values, 'sequence') }
  const json = await keys.fleetRevoke({ tenant_id, ...from })
  const since = values.sequence ? `from sequence ${values.sequence} on` : 'from now on'
  return { json, words: [`${tenant_id} is revoked ${since}.`], changed: true }
}

async function members({ keys }: Asked): Promise<Answer> {
  const json = await keys.fleetJoins()
  return { json, words: joinsInWords(json) }
}

async function request({ keys, values }: Asked): Promise<Answer> {
  const out = required(values.out, 'out')
  const made = await intoNewFile(out, () =>
    keys.fileRequest({ ...named(values, 'tenant'), ...named(values, 'site') }),
  )
  const words = [
    `Request written to ${out}, signed by ${made.fingerprint}`,
    `On the primary: picket fleet accept ${out} --out ANSWER`,
  ]
  return { json: { out, fingerprint: made.fingerprint }, words }
}

async function accept({ keys, values, positionals }: Asked): Promise<Answer> {
  const out = required(values.out, 'out')
  const given = readFile(required(positionals[0], 'FILE'))
  const made = await intoNewFile(out, () => keys.fileAccept({ envelope: given }))
  const { envelope, ...json } = made
  const words = [
    `${json.site} (${json.tenant_id}) is a member now; its request was signed by ${json.fingerprint}`,
    `On the branch: picket fleet finish ${out} --fingerprint ${envelope.key_id}`,
  ]
  return { json: { ...json, out, own: envelope.key_id }, words, changed: true }
}

async function finish({ keys, values, positionals }: Asked): Promise<Answer> {
  const envelope = readFile(required(positionals[0], 'FILE'))
  return joinedAnswer(await keys.fileFinish({ envelope, ...named(values, 'fingerprint') }))
}

/** picket-link reads members and uplinks anew; one that is not up reads them when it starts. */
async function tellLink(data: string): Promise<void> {
  try {
    const link = await LinkClient.open(data, 'cli')
    await link.reload().finally(() => link.close())
  } catch (error) {
    if (Failure.kindOf(error) !== 'unavailable') throw error
  }
}

/** Under the name that picket-keys knows it by, and absent where it was not given. */
function named(values: Values, option: 'tenant'): { tenant_id?: string }
function named<K extends keyof Values>(values: Values, option: K): { [N in K]?: string }
function named(values: Values, option: keyof Values): Record<string, string> {
  const value = values[option]
  return value === undefined ? {} : { [option === 'tenant' ? 'tenant_id' : option]: value }
}

function count<K extends 'epoch' | 'sequence'>(values: Values, option: K): { [N in K]?: number } {
  const text = values[option]
  if (text === undefined) return {}
  if (!/^\d{1,15}$/.test(text)) throw new Failure('invalid', `--${option} is a number.`)
  return { [option]: Number(text) } as { [N in K]?: number }
}

function readFile(path: string): Json {
  let text: string
  try {
    const stat = statSync(path)
    if (!stat.isFile()) throw new Error('not a file') // a pipe or a device has no end
    if (stat.size > FILE_BYTES_MAX) throw new Error('too long')
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Failure('invalid', `${path} cannot be read.`, { path }, error)
  }
  try {
    return JSON.parse(text) as Json
  } catch (error) {
    throw new Failure('invalid', `${path} is no file of picket fleet.`, { path }, error)
  }
}

/** The file is there before anything is asked: an answer that cannot be kept would be a member without a way in. */
async function intoNewFile<T extends { envelope: object }>(
  path: string,
  make: () => Promise<T>,
): Promise<T> {
  let file: number
  try {
    file = openSync(path, 'wx', 0o600)
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'exists' : 'cannot be written'
    throw new Failure('invalid', `${path} ${why}: name another file.`, { path }, error)
  }
  try {
    const made = await make()
    writeSync(file, `${JSON.stringify(made.envelope)}\n`)
    return made
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
}

const spaced = (digits: string) => `${digits.slice(0, 3)} ${digits.slice(3)}`
