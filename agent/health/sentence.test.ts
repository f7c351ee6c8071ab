import { expect, test } from 'vitest'
import { recordingClause } from './recording.ts'
import { type SentenceFacts, siteSentence, siteState } from './sentence.ts'
import { blindness, type SightFacts, staleness } from './sight.ts'
import { tunedLine, unheardClause } from './tuned.ts'

const none = { low: 0, medium: 0, high: 0, critical: 0 }
const RULES = { loaded: 40, refused: 0, generation: 1, ageSeconds: 60 }
const calm: SentenceFacts = {
  site: 'London',
  blind: null,
  stale: null,
  cutOff: null,
  frames: 1000,
  dropped: 0,
  openFindings: none,
  waitingActions: 0,
  activeActions: 0,
}

test.each<[string, Partial<SentenceFacts>, string, string]>([
  ['quiet', {}, 'quiet', 'London: nothing found; all traffic seen.'],
  [
    'low only',
    { openFindings: { ...none, low: 3 } },
    'quiet',
    'London: nothing found; all traffic seen.',
  ],
  [
    'a finding that waits',
    {
      openFindings: { ...none, critical: 1 },
      headline: '9 Modbus writes from 10.0.0.9',
      waitingActions: 1,
    },
    'findings',
    'London: 9 Modbus writes from 10.0.0.9; 1 finding in 24 h, worst critical; 1 action waits for you; all traffic seen.',
  ],
  [
    'a headline of two sentences',
    {
      openFindings: { ...none, high: 1 },
      headline: '2 writes to 10.0.0.9 in 1.5 s. Its usual station: 10.0.0.7.',
    },
    'findings',
    'London: 2 writes to 10.0.0.9 in 1.5 s; 1 finding in 24 h, worst high; all traffic seen.',
  ],
  [
    'not kept what is seen',
    { recording: recordingClause({ fault: 'the disk is full', rowsLost: 1200, slowestMs: 0 }) },
    'quiet',
    'London: not recording: the disk is full, 1,200 rows lost so far; nothing found; all traffic seen.',
  ],
  [
    'a slow disk',
    { recording: recordingClause({ rowsLost: 0, slowestMs: 4100 }) },
    'quiet',
    'London: recording late: the disk took 4 s to keep a row; nothing found; all traffic seen.',
  ],
  [
    'rules that nobody is to hear, traffic that nobody is to look at',
    {
      unheard: unheardClause({
        rules: { ...RULES, tuned: { silenced: 2, narrowed: 1, held: 14 } },
        lookedPast: ['the inside of dns'],
      }),
    },
    'quiet',
    'London: nothing found; 2 rules not heard by choice; not looked at by choice: the inside of dns; all traffic seen.',
  ],
  [
    'dropping',
    { dropped: 12, frames: 34_000 },
    'quiet',
    'London: nothing found; 12 frames of 34,000 lost.',
  ],
  [
    'blind hides nothing that was found and never says that nothing was',
    { blind: { because: 'no frame for 95 s' }, openFindings: { ...none, high: 2 } },
    'blind',
    'London: blind: no frame for 95 s; 2 findings in 24 h, worst high.',
  ],
  [
    'blind',
    { blind: { because: 'no frame for 95 s' } },
    'blind',
    'London: blind: no frame for 95 s.',
  ],
  [
    'stale and cut off',
    { stale: { because: 'rules are 40 d old' }, cutOff: { because: 'no uplink for 3 h' } },
    'stale',
    'London: stale: rules are 40 d old; nothing found; all traffic seen; cut off: no uplink for 3 h.',
  ],
])('%s', (_, change, state, sentence) => {
  const facts = { ...calm, ...change }
  expect(siteState(facts)).toBe(state)
  expect(siteSentence(facts)).toBe(sentence)
})

test('what is tuned stands in the basis with what it held back', () => {
  expect(tunedLine({ ...RULES, tuned: { silenced: 1, narrowed: 2, held: 14 } })).toBe(
    '1 rule silenced and 2 heard in part by this site’s overrides, 14 findings held back in this run',
  )
  expect(tunedLine({ ...RULES, tuned: { silenced: 0, narrowed: 0, held: 0 } })).toBeUndefined()
  expect(unheardClause({ rules: RULES, lookedPast: [] })).toBeUndefined()
})

const seeing: SightFacts = {
  nowUs: 1e12,
  startedAt: 0,
  interfaces: [{ name: 'lan', lastFrameAt: 1e12 - 1e6 }],
  blindAfterSeconds: 60,
  rulesLoaded: 10,
  rulesAgeSeconds: 60,
  rulesStaleDays: 30,
}

test('blind by silence, by a port that cannot be captured, by no port, by a failed self-test; else not', () => {
  expect(blindness(seeing)).toBeNull()
  expect(blindness({ ...seeing, interfaces: [] })?.because).toContain('no capture port')
  const silent = {
    ...seeing,
    interfaces: [
      { name: 'lan', lastFrameAt: 1e12 - 95e6 },
      { name: 'dmz', lastFrameAt: 1e12 },
    ],
  }
  expect(blindness(silent)).toEqual({
    since: 1e12 - 95e6,
    because: 'no frame on 1 of 2 capture ports for 95 s',
  })
  const failed = { ...seeing, interfaces: [{ name: 'lan', failed: 'no such device' }] }
  expect(blindness(failed)?.because).toBe('lan cannot be captured: no such device')
  expect(
    blindness({ ...seeing, selfTestFailed: 'self-test attack not found within 5 s' })?.because,
  ).toContain('self-test')
})

test('stale by no rules, old rules, a clock that is off', () => {
  expect(staleness(seeing)).toBeNull()
  expect(staleness({ ...seeing, rulesLoaded: 0 })?.because).toBe('no rule is loaded')
  expect(staleness({ ...seeing, rulesAgeSeconds: 40 * 86_400 })?.because).toBe('rules are 40 d old')
  expect(staleness({ ...seeing, clockOffsetMs: -600_000 })?.because).toBe('the clock is 10 min off')
})
