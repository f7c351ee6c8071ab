/**
 * The screen of a box: 24 rows of 80 columns in plain text, from what is known now. Pure. The fingerprint is the one
 * line that is longer, as it must be copied whole; a terminal of 80 columns shows it as two rows, and two are counted.
 */
import { visible } from '../base/text.ts'
import type { HardwareView, PortRole } from '../health/hardware.ts'
import type { SiteStatus } from '../health/status.ts'
import type { ConsoleState } from './keys-client.ts'

export const COLUMNS = 80
export const ROWS = 24
const PORTS_SHOWN = 5
const LABEL = 13
const RULE = '-'.repeat(COLUMNS)

export interface ScreenFacts {
  /** Milliseconds since 1970. */
  nowMs: number
  version: string
  /** Nothing while the process that knows does not answer. */
  state: ConsoleState | undefined
  status: SiteStatus | undefined
  hardware: HardwareView
  /** Interface → its own addresses. */
  addresses: ReadonlyMap<string, readonly string[]>
  port: number
  /** SHA-256 of the certificate of the pages. */
  fingerprint: string | undefined
  disk: { bytes: number; free: number; sealed?: boolean } | undefined
  /** There is one that nobody has written down. */
  recovery: boolean
}

export function screen(facts: ScreenFacts): string[] {
  const { state, status } = facts
  const clock = `${new Date(facts.nowMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const name = state?.siteName ?? 'this box is starting'
  const title = `Picket ${facts.version}`
  const room = COLUMNS - title.length - clock.length - 4
  const lines = [
    `${title}  ${cut(name, room).padEnd(room)}  ${clock}`,
    RULE,
    ...wrap(status?.sentence ?? waiting(state), 2),
    '',
    ...field('pages', pages(facts)),
    ...fingerprint(facts.fingerprint),
    ...field(state?.claimed ? 'claimed' : 'claim code', claim(facts)),
    ...field('capture', capture(status, state)),
    ...field('uplink', uplink(status, state)),
    ...field('disk', disk(facts)),
    ...field('hardware', hardware(facts.hardware)),
    '',
    ...ports(facts),
  ]
  // The menu, its rule, the prompt, and the second row of the fingerprint.
  const shown = lines.slice(0, ROWS - 4)
  const recovery = facts.recovery ? '   3 recovery key' : ''
  return [...shown, RULE, `1 ports   2 name${recovery}   Enter shows this anew`]
}

function waiting(state: ConsoleState | undefined): string {
  return state ? 'picket-agent does not answer yet: nothing is seen.' : 'The processes of this box do not answer yet.' // biome-ignore format: one line
}

function pages({ addresses, state, port }: ScreenFacts): string {
  const managed = state?.management ?? undefined
  const all =
    managed === undefined ? [...addresses.values()].flat() : (addresses.get(managed) ?? [])
  const usable = all.filter((each) => !each.startsWith('fe80'))
  if (usable.length === 0) return 'no address yet: is the cable of the management port plugged in?'
  return usable.slice(0, 2).map((each) => `https://${each.includes(':') ? `[${each}]` : each}:${port}/`).join('  ') // biome-ignore format: one line
}

function fingerprint(text: string | undefined): string[] {
  if (text === undefined) return field('certificate', 'not made yet')
  return [`certificate, as the browser must show it (SHA-256):`, text]
}

function claim({ state }: ScreenFacts): string {
  if (!state) return ''
  if (state.claimed) return 'by an administrator; changes here need that name and password'
  const until = state.code ? new Date(state.code.expiresAt / 1000).toISOString().slice(11, 16) : ''
  return state.code ? `${state.code.code}  until ${until}; type it at /first` : ''
}

/** Proof that frames arrive: counted by the port, taken, lost. */
function capture(status: SiteStatus | undefined, state: ConsoleState | undefined): string {
  if (state && state.capture.length === 0) return 'no port is captured: choose with 1'
  const said = status?.capture.interfaces.map(({ name, frames, dropped }) => `${name} ${frames} frames${dropped > 0 ? `, ${dropped} lost` : ''}`) ?? [] // biome-ignore format: one line
  const { blind } = status?.states ?? {}
  const test = status?.selfTest.ok === true ? 'self-test found' : status?.selfTest.ok === false ? 'self-test FAILED' : '' // biome-ignore format: one line
  return [...said, ...(blind ? ['BLIND'] : []), ...(test ? [test] : [])].join('; ')
}

function uplink(status: SiteStatus | undefined, state: ConsoleState | undefined): string {
  if (!state) return ''
  const { uplinks } = state
  const cutOff = status?.states.cutOff
  const count = uplinks === 0 ? 'none: this site stands alone' : `${uplinks} ${uplinks === 1 ? 'receiver' : 'receivers'}` // biome-ignore format: one line
  return cutOff ? `${count}; cut off` : count
}

function disk({ disk: of, hardware: { facts }, recovery }: ScreenFacts): string {
  const warm = facts.nvme.flatMap(({ name, celsius, isTooWarm }) => (isTooWarm ? [`${name} is too warm (${celsius} C)`] : [])) // biome-ignore format: one line
  const room = of
    ? [`${gib(of.bytes - of.free)} of ${gib(of.bytes)} GiB used${sealWords(of.sealed)}`]
    : ['not there']
  return [
    ...(recovery ? ['RECOVERY KEY NOT WRITTEN DOWN: 3 shows it'] : []),
    ...room,
    ...warm,
  ].join('; ')
}

const sealWords = (sealed: boolean | undefined) =>
  sealed === undefined ? '' : sealed ? ', sealed to this machine' : ', opened by a passphrase'

function hardware({ profile, differs }: HardwareView): string {
  const name = profile ? `${profile.name} (${profile.state})` : 'no profile'
  return differs.length === 0 ? name : `${name}; differs: ${differs[0]}${differs.length > 1 ? ` and ${differs.length - 1} more` : ''}` // biome-ignore format: one line
}

function ports({ hardware: view, state, addresses }: ScreenFacts): string[] {
  const rows = view.ports.slice(0, PORTS_SHOWN).map((each, i) => {
    const name = each.port?.name ?? 'absent'
    const role = roleNow(each, state)
    const link = each.port === undefined ? '' : each.port.hasLink ? 'link' : 'no link'
    const address = (addresses.get(name) ?? [])[0] ?? each.port?.mac ?? ''
    return `${String(i + 1).padStart(2)}  ${cut(each.label, 14).padEnd(14)}  ${name.padEnd(12)}  ${role.padEnd(10)}  ${link.padEnd(7)}  ${address}` // biome-ignore format: one line
  })
  const more = view.ports.length - PORTS_SHOWN
  return [...rows.map((row) => cut(row, COLUMNS)), ...(more > 0 ? [`    and ${more} more`] : [])]
}

/** As configured, not as the profile would have it. */
export function roleNow({ port }: PortRole, state: ConsoleState | undefined): string {
  if (!port || !state) return '-'
  if (state.capture.includes(port.name)) return 'capture'
  return state.management === port.name ? 'management' : 'spare'
}

const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1)

/** A label and a value, cut to one row. Firmware and people wrote some of it: a terminal obeys none of that. */
function field(label: string, value: string): string[] {
  return [cut(`${label.padEnd(LABEL)}${value}`, COLUMNS)]
}

function cut(text: string, columns: number): string {
  const safe = plain(text)
  return safe.length > columns ? `${safe.slice(0, columns - 3)}...` : safe
}

/** What any terminal shows and none obeys. */
export function plain(text: string): string {
  return visible(text)
    .replaceAll(' · ', ', ')
    .replace(/[^ -~]/g, '?')
}

function wrap(text: string, rowsMax: number): string[] {
  const rows: string[] = []
  let row = ''
  for (const word of plain(text).split(' ')) {
    if (row !== '' && row.length + 1 + word.length > COLUMNS) {
      rows.push(row)
      row = ''
    }
    row = row === '' ? word : `${row} ${word}`
  }
  rows.push(row)
  return rows.slice(0, rowsMax).map((each) => cut(each, COLUMNS))
}
