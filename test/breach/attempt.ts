/**
 * One attempt of the catalogue and its controls. `try` plays what the attacker does and shows all it could observe; whether
 * it got through is judged by canaries and by harm that was measured, never by the words of a refusal. Those only tell
 * which layer it was. Then the test takes that layer away, by putting the parts together without it, and plays the same
 * again: it must get through, or meet the next layer that is named. A layer that nothing depends on fails.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Canary, type Found, type Place, place, scan } from './canary.ts'

export interface Layer {
  name: string
  /** What of all that was seen tells that this layer was the one that stopped it. */
  shows: RegExp
  /** Why this machine does not have it: it is left out then. */
  missing?: string | undefined
}

export interface Attempt {
  /** Tells several ways of one attempt apart. */
  by?: string
  /** From the outside in. The first stops it; each of the others does when those before it are off. */
  layers: readonly Layer[]
  /** Why it cannot be tried on this machine. */
  missing?: string | undefined
  /** Found anywhere in what was seen, it got through. */
  secrets?: () => readonly Canary[]
  try: (run: Run) => Promise<unknown>
  /** After each run, however it ended. */
  undo?: () => unknown
  /** More that holds with every layer on: words, lines of the trail, the neighbour. */
  holds?: (run: Run) => unknown
}

export interface Verdict {
  outcome: 'through' | 'stopped'
  /** The layer that stopped it; what was found when it got through. */
  by: string
}

interface Entry {
  id: string
  layer: string
  name: string
}

interface Report {
  id: string
  layer: string
  by?: string | undefined
  outcome: 'blocked' | 'escaped' | 'unproven' | 'error' | 'skipped'
  stoppedBy?: string
  because?: string
  controls: { layer: string; outcome: 'through' | 'stopped' | 'unproven'; by: string }[]
  ms: number
}

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as Entry[]
const entries = new Map([...read('./catalogue.json'), ...read('./own.json')].map((each) => [each.id, each])) // biome-ignore format: one line
const SAID_CHARS_MAX = 600

/** One time that the attacker plays, with some layers off. */
export class Run {
  readonly off: ReadonlySet<string>
  readonly seen: Place[] = []
  readonly harms: string[] = []

  constructor(off: Iterable<string> = []) {
    this.off = new Set(off)
  }

  without(layer: Layer): boolean {
    return this.off.has(layer.name)
  }

  /** Something the attacker can observe: an answer, a failure, a log, files. */
  saw(where: string, ...all: readonly unknown[]): void {
    for (const what of all) this.seen.push(place(where, what))
  }

  /** What a call answered or failed with is seen. */
  async does<T>(where: string, call: Promise<T> | (() => T | Promise<T>)): Promise<T | undefined> {
    try {
      const answer = await (typeof call === 'function' ? call() : call)
      this.saw(where, answer)
      return answer
    } catch (error) {
      this.saw(where, error)
      return undefined
    }
  }

  /** Damage that was measured: memory that grew, a neighbour that got no answer. */
  harm(what: string): void {
    this.harms.push(what)
  }

  /** What must still be there afterwards: gone, the attempt got through. */
  keeps(where: string, canaries: readonly Canary[], what: unknown): void {
    const found = scan(canaries, Array.isArray(what) && isPlace(what[0]) ? what : [place(where, what)]) // biome-ignore format: one line
    for (const each of canaries)
      if (!found.some((one) => one.what === each.what)) this.harm(`${each.what} is gone from ${where}`) // biome-ignore format: one line
  }

  /** All that was seen, as text. */
  get text(): string {
    return this.seen.map(({ where, bytes }) => `${where}: ${bytes.toString('utf8')}`).join('\n')
  }
}

function isPlace(value: unknown): value is Place {
  return Buffer.isBuffer((value as Place | undefined)?.bytes)
}

/** Who won. `rest` are the layers that were on. */
export function judge(run: Run, secrets: readonly Canary[], rest: readonly Layer[]): Verdict {
  const found: Found[] = scan(secrets, run.seen)
  const proofs = [...found.map(({ what, where, form }) => `${what} in ${where}, ${form}`), ...run.harms] // biome-ignore format: one line
  if (proofs.length > 0) return { outcome: 'through', by: proofs.slice(0, 3).join('; ') }
  const { text } = run
  const layer = rest.find(({ shows }) => shows.test(text))
  return { outcome: 'stopped', by: layer?.name ?? '' }
}

/** Nothing when the control shows what it is for; else why not. `next` is what should stop it now, if anything. */
export function unproven({ outcome, by }: Verdict, next: Layer | undefined): string | undefined {
  if (outcome === 'through')
    return next && `it got through before it met ${next.name}, which therefore stops nothing (${by})` // biome-ignore format: one line
  if (!next) return `the last layer is off and it is still stopped${by && `, by ${by}`}: by nothing that is named` // biome-ignore format: one line
  return by === next.name
    ? undefined
    : `it should now be stopped by ${next.name}, but that does not show`
}

/** Registers an attempt and its controls as tests. Ids are those of catalogue.json and own.json. */
export function attempt(id: string, what: Attempt): void {
  const entry = entries.get(id)
  if (!entry) throw new Error(`${id} stands neither in catalogue.json nor in own.json`)
  const layers = what.layers.filter(({ missing }) => missing === undefined)
  const { by, missing = layers.length === 0 ? what.layers[0]?.missing : undefined } = what
  const report: Report = { id, layer: entry.layer, by, outcome: 'error', controls: [], ms: 0 }
  if (missing !== undefined) Object.assign(report, { outcome: 'skipped', because: missing })
  note({ ...report, begun: true })
  describe(`${id} ${entry.name}${by ? `: ${by}` : ''}`, () => {
    let began = 0
    beforeAll(() => {
      began = performance.now()
    })
    test.skipIf(missing !== undefined)('is blocked', () => tried(what, layers, report))
    for (const [i, { name }] of layers.entries())
      test.skipIf(missing !== undefined)(`control: without ${name}${i > 0 ? ' too' : ''}`, () =>
        controlled(what, layers, { report, i }),
      )
    afterAll(() => note({ ...report, ms: Math.round(performance.now() - began) }))
  })
}

async function play(what: Attempt, off: readonly Layer[]): Promise<Run> {
  const run = new Run(off.map(({ name }) => name))
  try {
    await what.try(run)
  } finally {
    await what.undo?.()
  }
  if (run.seen.length === 0) throw new Error('The attempt showed nothing of what it saw.')
  return run
}

async function tried(what: Attempt, layers: readonly Layer[], report: Report): Promise<void> {
  const run = await play(what, [])
  const verdict = judge(run, what.secrets?.() ?? [], layers)
  report.outcome = verdict.outcome === 'through' ? 'escaped' : 'blocked'
  report[verdict.outcome === 'through' ? 'because' : 'stoppedBy'] = verdict.by
  expect(verdict, said(run)).toEqual({ outcome: 'stopped', by: layers[0]?.name })
  await what.holds?.(run)
}

async function controlled(
  what: Attempt,
  layers: readonly Layer[],
  { report, i }: { report: Report; i: number },
): Promise<void> {
  const layer = layers[i]?.name ?? ''
  const control: Report['controls'][number] = { layer, outcome: 'unproven', by: '' }
  report.controls.push(control)
  const run = await play(what, layers.slice(0, i + 1))
  const verdict = judge(run, what.secrets?.() ?? [], layers.slice(i + 1))
  const reason = unproven(verdict, layers[i + 1])
  Object.assign(control, reason ? { by: reason } : verdict)
  if (reason && report.outcome === 'blocked') report.outcome = 'unproven'
  expect(reason, said(run)).toBeUndefined()
}

/** For the one who mends a test; what was seen may hold canaries of this run, which are nobody's secret. */
function said(run: Run): string {
  return `seen: ${run.text.slice(0, SAID_CHARS_MAX)}`
}

function note(line: object): void {
  const path = process.env.PICKET_BREACH_RECORD
  if (path) appendFileSync(path, `${JSON.stringify(line)}\n`)
}
