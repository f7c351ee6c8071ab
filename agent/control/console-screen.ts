/**
 * The screen of a box: 24 rows of 80 columns in plain text, the last for what is typed, from what is known now. Pure. Where
 * much is to be said, empty rows go first, then the ports beyond the fifth, then words of the sentence.
 */
import { type HardwareView, type PortRole, roleNow } from '../health/hardware.ts'
import type { SiteStatus } from '../health/status.ts'
import { COLUMNS, cut, field, wrap } from './console-rows.ts'
import type { ConsoleState } from './keys-client.ts'
import { LINE } from './networks.ts'

export const ROWS = 24
const ROWS_FILLED = ROWS - 1 // the last is the prompt
const PORT_ROWS_MIN = 5
const SENTENCE_ROWS_MIN = 3
const TITLE_CHARS_MAX = 24
const RULE = '-'.repeat(COLUMNS)
const PAIRS = 16
const LINK_LOCAL = 'fe80'

/** What the table of ports is made of. */
export interface PortFacts {
  /** Nothing while the process that knows does not answer. */
  state: ConsoleState | undefined
  hardware: HardwareView
  /** Interface → its own addresses. */
  addresses: ReadonlyMap<string, readonly string[]>
}

export interface ScreenFacts extends PortFacts {
  /** Milliseconds since 1970. */
  nowMs: number
  version: string
  status: SiteStatus | undefined
  port: number
  /** SHA-256 of the certificate of the pages. */
  fingerprint: string | undefined
  disk: { bytes: number; free: number; sealed?: boolean } | undefined
  /** There is one that nobody has written down. */
  recovery: boolean
}

export function screen(facts: ScreenFacts): string[] {
  const { state, status } = facts
  const said = [
    ...field('pages', pages(facts), { rowsMax: 2, mark: '' }),
    ...fingerprint(facts.fingerprint),
    ...field(state?.claimed ? 'claimed' : 'claim code', [claim(facts)]),
    ...field('capture', capture(status, state), { rowsMax: 2 }),
    ...field('uplink', [uplink(status, state)]),
    ...field('disk', disk(facts), { rowsMax: 2 }),
    ...field('hardware', hardware(facts.hardware), { rowsMax: 2 }),
  ]
  const recovery = facts.recovery ? '   3 recovery key' : ''
  const menu = [RULE, `1 ports   2 name${recovery}   Enter shows this anew`]
  const head = [title(facts), RULE]
  let room = ROWS_FILLED - head.length - said.length - menu.length
  const ports = Math.min(facts.hardware.ports.length, PORT_ROWS_MIN)
  const sentence = wrap(status?.sentence ?? waiting(state), Math.max(SENTENCE_ROWS_MIN, room - ports)) // biome-ignore format: one line
  room -= sentence.length
  const gap = room - ports >= 2 ? [''] : []
  const table = portRows(facts, room - 2 * gap.length)
  return [...head, ...sentence, ...gap, ...said, ...gap, ...table, ...menu]
}

function title({ version, state, nowMs }: ScreenFacts): string {
  const clock = `${new Date(nowMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const name = state?.siteName ?? 'this box is starting'
  const product = cut(`Picket ${version}`, TITLE_CHARS_MAX)
  const room = COLUMNS - product.length - clock.length - 4
  return `${product}  ${cut(name, room).padEnd(room)}  ${clock}`
}

function waiting(state: ConsoleState | undefined): string {
  return state ? 'picket-agent does not answer yet: nothing is seen.' : 'The processes of this box do not answer yet.' // biome-ignore format: one line
}

function pages({ addresses, state, port }: ScreenFacts): string[] {
  const chosen = state?.management ?? undefined
  const managed = chosen !== undefined && state?.line.includes(chosen) ? LINE : chosen
  const all =
    managed === undefined ? [...addresses.values()].flat() : (addresses.get(managed) ?? [])
  const usable = all.filter((each) => !each.startsWith(LINK_LOCAL))
  if (usable.length === 0)
    return ['no address yet: is the cable of the management port plugged in?']
  return usable.map((each) => `https://${each.includes(':') ? `[${each}]` : each}:${port}/`)
}

/** Whole, as the browser must show it: in two rows of pairs. */
function fingerprint(text: string | undefined): string[] {
  if (text === undefined) return field('certificate', ['not made yet'])
  const pairs = text.split(':')
  const row = (from: number) => pairs.slice(from, from + PAIRS).join(':')
  return [...field('certificate', [`${row(0)}:`]), ...field('  (SHA-256)', [row(PAIRS)])]
}

function claim({ state }: ScreenFacts): string {
  if (!state) return ''
  if (state.claimed) return 'by an administrator; changes here need that name and password'
  const until = state.code ? new Date(state.code.expiresAt / 1000).toISOString().slice(11, 16) : ''
  return state.code ? `${state.code.code}  until ${until}; type it at /first` : ''
}

/** Proof that frames arrive: found, and by port counted, taken, lost. */
function capture(status: SiteStatus | undefined, state: ConsoleState | undefined): string[] {
  if (state && state.capture.length === 0) return ['no port is captured: choose with 1']
  const { ok } = status?.selfTest ?? {}
  return [
    ...(status?.states.blind ? ['BLIND'] : []),
    ...(ok === undefined ? [] : [ok ? 'self-test found' : 'self-test FAILED']),
    ...(status?.capture.interfaces ?? []).map(
      ({ name, frames, dropped }) => `${name} ${frames} frames${dropped > 0 ? `, ${dropped} lost` : ''}`, // biome-ignore format: one line
    ),
  ]
}

function uplink(status: SiteStatus | undefined, state: ConsoleState | undefined): string {
  if (!state) return ''
  const { uplinks } = state
  const cutOff = status?.states.cutOff
  const count = uplinks === 0 ? 'none: this site stands alone' : `${uplinks} ${uplinks === 1 ? 'receiver' : 'receivers'}` // biome-ignore format: one line
  return cutOff ? `${count}; cut off` : count
}

function disk({ disk: of, hardware: { facts }, recovery }: ScreenFacts): string[] {
  const warm = facts.nvme.flatMap(({ name, celsius, isTooWarm }) => (isTooWarm ? [`${name} is too warm (${celsius} C)`] : [])) // biome-ignore format: one line
  const room = of
    ? `${gib(of.bytes - of.free)} of ${gib(of.bytes)} GiB used${sealWords(of.sealed)}`
    : 'not there'
  return [...(recovery ? ['RECOVERY KEY NOT WRITTEN DOWN: 3 shows it'] : []), room, ...warm]
}

const sealWords = (sealed: boolean | undefined) =>
  sealed === undefined ? '' : sealed ? ', sealed to this machine' : ', opened by a passphrase'

function hardware({ profile, differs }: HardwareView): string[] {
  const name = profile ? `${profile.name} (${profile.state})` : 'no profile'
  const [first, ...others] = differs.map((each) => each.replace(/\.$/, ''))
  return first === undefined ? [name] : [`${name}; differs: ${first}`, ...others]
}

/** A table as wide as its words; what an address lacks in room is taken from it, since pages above have it whole. */
export function portRows(facts: PortFacts, rowsMax: number): string[] {
  const all = facts.hardware.ports
  const shown = all.length <= rowsMax ? all : all.slice(0, rowsMax - 1)
  const cells = shown.map((each, i) => portCells(each, i, facts))
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) // biome-ignore format: one line
  const rows = cells.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  '))
  const more = all.length - shown.length
  return [...rows.map((row) => cut(row.trimEnd(), COLUMNS)), ...(more > 0 ? [`    and ${more} more, which 1 shows`] : [])] // biome-ignore format: one line
}

function portCells(each: PortRole, i: number, { state, addresses }: PortFacts): string[] {
  const { label, port } = each
  const own = (addresses.get(port?.name ?? '') ?? []).filter((address) => !address.startsWith(LINK_LOCAL)) // biome-ignore format: one line
  const [address = port?.mac ?? ''] = [...own].sort((a, b) => Number(a.includes(':')) - Number(b.includes(':'))) // biome-ignore format: one line
  const more = own.length > 1 ? ` +${own.length - 1}` : ''
  return [
    String(i + 1).padStart(2),
    cut(label, 14),
    port?.name ?? 'absent',
    state ? roleNow(each, state) : '-',
    port === undefined ? '' : port.hasLink ? 'link' : 'no link',
    `${address}${more}`,
  ]
}

const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1)
