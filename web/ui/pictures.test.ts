/** What the strip and the chart draw is what happened: a quiet hour is proved, a blind one is a hole. */
import { describe, expect, test } from 'vitest'
import { NOW_US } from '../../test/browser/story/scene.ts'
import { day, storyStatus } from '../../test/browser/story/sight.ts'
import { Zone } from '../base/zone.ts'
import { holesOf, strip, stripWords } from './strip.ts'
import { chartSeconds, lastSteps, niceTop, trafficChart } from './traffic.ts'

const HOUR = 3600e6
const zone = new Zone('UTC', NOW_US)
const quiet = { from: NOW_US - 24 * HOUR, to: NOW_US, halfHours: [], selfTests: [] }

describe('the last day', () => {
  test('a hole is what no frame was seen in, to the minute', () => {
    expect(holesOf({ ...quiet, seen: [{ from: quiet.from, to: NOW_US }] })).toEqual([])
    expect(holesOf({ ...quiet, seen: [] })).toEqual([{ from: quiet.from, to: NOW_US }])
    const gap = { from: quiet.from + 2 * HOUR, to: quiet.from + 3 * HOUR }
    const seen = [
      { from: gap.to, to: NOW_US },
      { from: quiet.from, to: quiet.from + HOUR },
      { from: quiet.from + HOUR, to: gap.from },
    ]
    expect(holesOf({ ...quiet, seen })).toEqual([gap])
    // Nobody says of a time before recording began that the site was blind.
    expect(
      holesOf({ ...quiet, began: NOW_US - HOUR, seen: [{ from: NOW_US - HOUR, to: NOW_US }] }),
    ).toEqual([])
  })

  test('in words: found, seen, tested', () => {
    expect(stripWords({ ...quiet, seen: [{ from: quiet.from, to: NOW_US }] }, zone)).toBe(
      '24 hours: nothing found; frames seen all the time; no self-test yet.',
    )
    expect(stripWords(day(), zone).replaceAll('\u00a0', ' ')).toBe(
      '24 hours: 1 critical, 2 high, 1 medium, 1 low; no frames seen from 00:50 to 01:44; 23 of 24 self-tests found.',
    )
  })

  test('the base line is drawn where frames were seen, a bar where something was found', () => {
    const blind = String(strip({ ...quiet, seen: [] }, zone))
    expect(blind).toContain('class="seen" d=""')
    expect(blind).toContain('class="blindness"')
    const drawn = String(strip(day(), zone))
    for (const severity of ['critical', 'high', 'low'])
      expect(drawn).toContain(`<path class="${severity}"`)
  })
})

describe('traffic', () => {
  const port = { name: 'a', frames: 0, processed: 0, dropped: 0, bytes: 0, lastFrameAt: NOW_US }
  const now = Math.floor(NOW_US / 1e6 / 10) * 10

  test('ports together; a step that nobody reported is no zero', () => {
    const perSecond = [{ at: now, frames: 5, dropped: 1 }]
    const { at, frames, dropped } = lastSteps(
      [
        { ...port, perSecond },
        { ...port, perSecond },
      ],
      NOW_US,
      3600,
    )
    expect([at.length, at.at(-1), frames.at(-1), dropped.at(-1), frames.at(-2)]).toEqual([
      360,
      now,
      10,
      2,
      null,
    ])
    const old = [
      { at: now - 3601, frames: 5, dropped: 0 },
      { at: now + 60, frames: 5, dropped: 0 },
    ]
    expect(
      lastSteps([{ ...port, perSecond: old }], NOW_US, 3600).frames.every((each) => each === null),
    ).toBe(true)
  })

  test.for([
    [20, 120],
    [130, 180],
    [700, 900],
    [3500, 3600],
    [86_400, 3600],
  ] as const)('a run of %d s fills a picture of %d s', ([age, seconds]) => {
    expect(chartSeconds({ startedAt: NOW_US - age * 1e6 }, NOW_US)).toBe(seconds)
  })

  test('an axis ends at a number that people read', () => {
    expect([0, 0.35, 1, 3.2, 28_200, 31_000, 61_000].map(niceTop)).toEqual([
      1, 0.4, 1, 4, 30_000, 40_000, 100_000,
    ])
  })

  test('the accounting is said with all three numbers', () => {
    const chart = String(trafficChart(storyStatus(), zone))
    expect(chart).toContain(
      'received 74,812,440 frames = processed 74,811,902 + dropped 538 (7 per million)',
    )
    const missed = String(trafficChart(storyStatus({ missedFrames: 12 }), zone))
    expect(missed.replaceAll('\u00a0', ' ')).toContain('12 frames passed while the agent was down')
  })
})
