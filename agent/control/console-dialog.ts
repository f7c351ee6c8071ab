/** What a person at the box's own screen can do: choose ports by number, name the site. Each act asks for its proof last. */
import { Failure } from '../base/failure.ts'
import type { HardwareView } from '../health/hardware.ts'
import { cut, plain } from './console-rows.ts'
import { type PortFacts, portRows } from './console-screen.ts'
import type { BoxChange, ConsoleProof, ConsoleState } from './keys-client.ts'

/** Who goes away in the middle leaves no open question. */
const ANSWER_MS_MAX = 300_000
/** Of what was typed, when it is said again. */
const WORD_CHARS_MAX = 20

export interface DialogParts extends PortFacts {
  state: ConsoleState
  say(line: string): void
  /** Nothing when nobody answered. */
  ask(question: string, options: { echo?: boolean; waitMs: number }): Promise<string | undefined>
  change(request: { proof: ConsoleProof; change: BoxChange }): Promise<{ changed: string }>
  recoveryShown(request: { proof: ConsoleProof }): Promise<unknown>
}

/** Shown to whoever proves to be allowed, and never again once somebody said that it is on paper. True then. */
export async function showRecovery(parts: DialogParts, key: string): Promise<boolean> {
  await parts.recoveryShown({ proof: await proof(parts) })
  parts.say('')
  parts.say(plain(key))
  parts.say('')
  parts.say('With it the disk opens when this machine no longer opens it by itself. It is shown until somebody says that it is written down.') // biome-ignore format: one line
  return /^yes$/i.test(await answer(parts, 'Is it on paper? (yes, Enter: no) '))
}

export async function choosePorts(parts: DialogParts): Promise<void> {
  const { hardware, say } = parts
  say('Which port has the address of this box, which two are one wire with the box in it (what it blocks stops there), and which are captured?') // biome-ignore format: one line
  for (const row of portRows(parts, hardware.ports.length)) say(row)
  const managed = await answer(parts, 'Management port (a number; Enter: as now): ')
  const inLine = await answer(parts, 'In the line (two numbers; 0: none; Enter: as now): ')
  const captured = await answer(parts, 'Captured ports (numbers; 0: none; Enter: as now): ')
  const [management] = managed === '' ? [] : portsOf(hardware, managed)
  const line = listOf(hardware, inLine)
  if (line && line.length > 0 && new Set(line).size !== 2)
    throw new Failure('invalid', 'In the line are two ports.')
  if (line && line.length > 0)
    say('Their cables end at two different devices: both in one switch would be a loop.')
  const capture = listOf(hardware, captured)
  await act(parts, { ...(management !== undefined && { management }), ...(line && { line }), ...(capture && { capture }) }) // biome-ignore format: one line
}

export async function chooseName(parts: DialogParts): Promise<void> {
  const siteName = await answer(parts, 'Name of this site (Enter: as now): ')
  await act(parts, siteName === '' ? {} : { siteName })
}

async function act(parts: DialogParts, change: BoxChange): Promise<void> {
  if (Object.keys(change).length === 0) return parts.say('Nothing is changed.')
  const { changed } = await parts.change({ proof: await proof(parts), change })
  parts.say(`Done: ${plain(changed)}.`)
}

async function proof(parts: DialogParts): Promise<ConsoleProof> {
  if (!parts.state.claimed) return { code: await answer(parts, 'The claim code, to confirm: ') }
  const name = await answer(parts, 'Administrator: ')
  return { name, password: await answer(parts, 'Password (not shown): ', false) }
}

async function answer({ ask }: DialogParts, question: string, echo = true): Promise<string> {
  const line = await ask(question, { echo, waitMs: ANSWER_MS_MAX })
  if (line === undefined) throw new Failure('unavailable', 'Nobody answered; nothing is changed.')
  return echo ? line.trim() : line
}

/** Nothing where it stays as it is. */
function listOf(hardware: HardwareView, typed: string): string[] | undefined {
  if (typed === '') return undefined
  return typed === '0' ? [] : portsOf(hardware, typed)
}

function portsOf({ ports }: HardwareView, typed: string): string[] {
  return typed.split(/[\s,]+/).map((word) => {
    const name = /^\d{1,2}$/.test(word) ? ports[Number(word) - 1]?.port?.name : undefined
    if (name === undefined) throw new Failure('invalid', `${cut(word, WORD_CHARS_MAX)} is no port that is there.`) // biome-ignore format: one line
    return name
  })
}
