/** Puts what is known into one SiteStatus: the states are judged here, from evidence handed in. */
import type { Severity } from '../base/event.ts'
import { lostLine, type RecordingFacts, recordingClause } from './recording.ts'
import type { Gap } from './run-gap.ts'
import { plural, type SentenceFacts, siteSentence, siteState, span } from './sentence.ts'
import { blindness, cutOff, staleness } from './sight.ts'
import type { InterfaceStatus, SelfTestStatus, SiteStatus } from './status.ts'
import { tunedLine, unheardClause } from './tuned.ts'

export interface StatusFacts {
  site: string
  tenant_id: string
  fleet_id: string
  nowUs: number
  startedAt: number
  interfaces: InterfaceStatus[]
  blindAfterSeconds: number
  gap: Gap
  recording: RecordingFacts
  rules: SiteStatus['rules']
  lookedPast: readonly string[]
  rulesStaleDays: number
  selfTest: SelfTestStatus
  clock: SiteStatus['clock']
  version: string
  counters: Record<string, number>
  liveFlows: number
  assets: number
  openFindings: Record<Severity, number>
  headline: string | undefined
  waitingActions: number
  activeActions: number
}

export function siteStatus(facts: StatusFacts): SiteStatus {
  const sight = {
    nowUs: facts.nowUs,
    startedAt: facts.startedAt,
    interfaces: facts.interfaces,
    blindAfterSeconds: facts.blindAfterSeconds,
    rulesLoaded: facts.rules.loaded,
    rulesAgeSeconds: facts.rules.ageSeconds,
    rulesStaleDays: facts.rulesStaleDays,
    clockOffsetMs: facts.clock.offsetMs,
    selfTestFailed: facts.selfTest.ok === false ? facts.selfTest.sentence : undefined,
  }
  const states = { blind: blindness(sight), stale: staleness(sight), cutOff: cutOff(sight) }
  const said: SentenceFacts = {
    site: facts.site,
    ...states,
    recording: recordingClause(facts.recording),
    unheard: unheardClause(facts),
    frames: sum(facts.interfaces, (each) => each.frames),
    dropped: sum(facts.interfaces, (each) => each.dropped),
    openFindings: facts.openFindings,
    headline: facts.headline,
    waitingActions: facts.waitingActions,
    activeActions: facts.activeActions,
  }
  const { site, tenant_id, fleet_id, gap, rules, selfTest, clock, version, startedAt, counters } =
    facts
  return {
    site,
    tenant_id,
    fleet_id,
    state: siteState(said),
    states,
    sentence: siteSentence(said),
    basis: basis(facts),
    capture: { interfaces: facts.interfaces },
    blindSeconds: gap.blindSeconds,
    missedFrames: gap.missedFrames,
    rules,
    lookedPast: facts.lookedPast,
    selfTest,
    clock,
    version,
    startedAt,
    counters,
    flows: { live: facts.liveFlows },
    assets: facts.assets,
    openFindings: facts.openFindings,
    waitingActions: facts.waitingActions,
  }
}

/** What the sentence stands on, each with its denominator. */
function basis(facts: StatusFacts): string[] {
  const { interfaces, nowUs, blindAfterSeconds, rules, selfTest, clock, gap } = facts
  const seeing = interfaces.filter(
    (each) => nowUs - (each.lastFrameAt ?? 0) <= blindAfterSeconds * 1e6,
  )
  const lines = [
    `frames on ${seeing.length} of ${plural(interfaces.length, 'capture port')}`,
    selfTest.sentence,
    `${rules.loaded.toLocaleString('en')} rules, ${span(rules.ageSeconds)} old`,
    clock.offsetMs === undefined ? `clock: ${clock.source}` : `clock ${clock.offsetMs} ms of UTC`,
  ]
  const tuned = tunedLine(rules)
  if (tuned) lines.push(tuned)
  const lost = lostLine(facts.recording)
  if (lost) lines.push(lost)
  if (gap.last && gap.last.seconds >= 1)
    lines.push(
      `nobody looked for ${span(gap.last.seconds)} before this run, ${gap.last.frames.toLocaleString('en')} frames missed`,
    )
  return lines
}

function sum<T>(list: readonly T[], of: (item: T) => number): number {
  return list.reduce((total, each) => total + of(each), 0)
}
