/**
 * The compliance score: 100 − Σ weights of the controls that do not hold. Controls are data (`rules/controls`): a
 * sentence that should be true, its weight, and where the evidence is: one number out of the lake, or one out of
 * the summary itself. A control whose evidence cannot be read counts as failing and says so.
 */
import * as v from 'valibot'
import { Failure } from '../base/failure.ts'
import type { FailingControl, Summary } from './summary.ts'

/** All texts of all controls stay far below what a summary holds. */
export const CONTROLS_LOADED_MAX = 32
const SQL_CHARS_MAX = 2_000

const COMPARE = {
  '>': (a: number, b: number) => a > b,
  '>=': (a: number, b: number) => a >= b,
  '<': (a: number, b: number) => a < b,
  '<=': (a: number, b: number) => a <= b,
  '=': (a: number, b: number) => a === b,
  '!=': (a: number, b: number) => a !== b,
} as const

const Plain = (max: number) =>
  v.pipe(v.string(), v.minLength(1), v.maxLength(max), v.regex(/^[ -~]+$/, 'only ASCII'))

const Fails = v.strictObject({
  op: v.picklist(Object.keys(COMPARE) as (keyof typeof COMPARE)[]),
  value: v.number(),
})

/** A scalar question: one row, one number. It is asked inside a larger one, so it has no end of its own. */
const Sql = v.pipe(v.string(), v.maxLength(SQL_CHARS_MAX), v.regex(/^SELECT [^;]+$/))

export const Control = v.strictObject({
  id: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{1,39}$/)),
  /** What should be true: "No device is administered by telnet". */
  sentence: Plain(120),
  weight: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(50)),
  evidence: v.union([
    v.strictObject({ sql: Sql, fails: Fails, says: Plain(120) }),
    v.strictObject({
      status: v.pipe(v.string(), v.regex(/^[a-z0-9_]+(\.[a-z0-9_]+)*$/)),
      fails: Fails,
      says: Plain(120),
      /** Said after "not known:", where the number is not there. */
      unknown: v.optional(Plain(120)),
    }),
  ]),
})
export type Control = v.InferOutput<typeof Control>

export interface Compliance {
  /** Null before the first look. */
  score: number | null
  controls: number
  failing: FailingControl[]
}

/** One answer of the lake; null with the reason where there is none. */
export interface ControlValue {
  id: string
  value: number | null
  because: string | null
}

/** What `status` evidence may name: the summary's own facts, and shares and spans made of them. */
export type ControlFacts = Omit<Summary, 'compliance'> & {
  derived: {
    dropped_share: number | null
    refused_share: number | null
    disk_days_left: number | null
    clock_off_ms: number | null
    self_test_failed: number | null
    self_test_age_seconds: number | null
    programs_down: number
    lake_faults: number
  }
}

/** Parsed JSON of the files under `rules/controls`. */
export function readControls(files: readonly { path: string; json: unknown }[]): Control[] {
  if (files.length > CONTROLS_LOADED_MAX)
    throw new Failure('invalid', `There are more than ${CONTROLS_LOADED_MAX} controls.`)
  const controls = files.map(({ path, json }) => {
    const parsed = v.safeParse(Control, json)
    if (parsed.success) return parsed.output
    const [issue] = parsed.issues
    const where = v.getDotPath(issue) ?? 'the file'
    throw new Failure('invalid', `The control ${path} is wrong at ${where}: ${issue.message}.`, {
      path,
    })
  })
  const ids = new Set(controls.map(({ id }) => id))
  if (ids.size < controls.length) throw new Failure('invalid', 'Two controls have one id.')
  return controls.sort((a, b) => b.weight - a.weight || a.id.localeCompare(b.id))
}

/** One question for all evidence in the lake: rows of (id, value). Nothing when no control needs the lake. */
export function controlsSql(controls: readonly Control[]): string | undefined {
  const parts = controls.flatMap(({ id, evidence }) =>
    'sql' in evidence ? [`SELECT '${id}' AS id, CAST((${evidence.sql}) AS DOUBLE) AS value`] : [],
  )
  return parts.length > 0 ? parts.join(' UNION ALL ') : undefined
}

/** `values` is null before the lake was asked for the first time: then there is no score yet. */
export function judgeCompliance(
  controls: readonly Control[],
  values: readonly ControlValue[] | null,
  facts: ControlFacts,
): Compliance {
  if (values === null) return { score: null, controls: controls.length, failing: [] }
  const answers = new Map(values.map((each) => [each.id, each]))
  const failing = controls.flatMap((control) => {
    const answer = evidenceOf(control, answers, facts)
    return judge(control, answer)
  })
  const lost = failing.reduce((sum, { weight }) => sum + weight, 0)
  return { score: Math.max(0, 100 - lost), controls: controls.length, failing }
}

type Answer = Omit<ControlValue, 'id'>

function evidenceOf(
  { id, evidence }: Control,
  answers: ReadonlyMap<string, ControlValue>,
  facts: ControlFacts,
): Answer {
  if ('sql' in evidence)
    return answers.get(id) ?? { value: null, because: 'the lake gave no answer' }
  let value: unknown = facts
  for (const name of evidence.status.split('.'))
    value = Object.hasOwn(Object(value), name) ? (value as Record<string, unknown>)[name] : null
  if (typeof value === 'boolean') return { value: Number(value), because: null }
  if (typeof value === 'number') return { value, because: null }
  return { value: null, because: evidence.unknown ?? 'nothing told it' }
}

function judge(control: Control, { value, because }: Answer): FailingControl[] {
  const { id, sentence, weight, evidence } = control
  if (value === null || !Number.isFinite(value)) {
    const why = `not known: ${because ?? 'the evidence is no number'}`
    return [{ id, sentence, weight, unknown: true, evidence: why }]
  }
  const { fails, says } = evidence
  if (!COMPARE[fails.op](value, fails.value)) return []
  return [{ id, sentence, weight, unknown: false, evidence: filled(says, value) }]
}

/** `{n}` is the number; `{n|device}` is "1 device", "2 devices". */
function filled(says: string, value: number): string {
  const rounded = Number(value.toPrecision(3))
  const shown = (Number.isInteger(value) ? value : rounded).toLocaleString('en')
  return says.replace(/\{n(?:\|([a-z -]+))?\}/g, (_, noun?: string) =>
    noun ? `${shown} ${noun}${value === 1 ? '' : 's'}` : shown,
  )
}

export function controlFacts(summary: Omit<Summary, 'compliance'>): ControlFacts {
  const { capture, rules, lake, clock, self_test, health, window } = summary
  const days = (us: number) => us / 86_400e6
  return {
    ...summary,
    derived: {
      dropped_share: capture.seen === 0 ? null : capture.dropped / capture.seen,
      refused_share: refusedShare(rules),
      disk_days_left: lake.full_at === null ? null : days(lake.full_at - window.to),
      clock_off_ms: clock.offset_ms === null ? null : Math.abs(clock.offset_ms),
      self_test_failed: self_test.ok === null ? null : Number(!self_test.ok),
      self_test_age_seconds: self_test.at === null ? null : (window.to - self_test.at) / 1e6,
      programs_down: health.down.length,
      lake_faults: lake.fault === null ? 0 : 1,
    },
  }
}

function refusedShare(rules: Summary['rules']): number | null {
  const all = rules ? rules.loaded + rules.refused : 0
  return rules && all > 0 ? rules.refused / all : null
}
