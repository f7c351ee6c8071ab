/** Every page in real Chromium: both widths, both themes, axe, no sideways scroll, weight and time. */
import { describe, expect, test } from 'vitest'
import { Failure } from '../../agent/base/failure.ts'
import { findChromium, openBrowser, serveStory, signIn } from './chromium.ts'
import { complaints, LOOKS, lookAt } from './judge.ts'
import { bareMachine, wornMachine } from './story/machine.ts'
import { HOUR, idOf, MIN, NOW_US, TENANT } from './story/scene.ts'
import { storyStatus } from './story/sight.ts'
import { createStory, type Story } from './story.ts'

const PAGES: readonly (readonly [string, string])[] = [
  ['now', '/now'],
  ['findings', '/findings'],
  ['finding', `/findings/${idOf(1)}`],
  ['flows', '/flows'],
  ['assets', '/assets'],
  ['actions', `/actions?said=${idOf(5003)}`],
  ['lake', '/lake'],
  ['hardware', '/hardware'],
  ['rules', '/rules'],
  ['settings', '/settings'],
  ['retention', `/settings?tenant=${TENANT.tenant_id}&kind=flow&days=30`],
  ['users', '/users'],
  ['audit', '/audit'],
  ['empty', '/findings?q=nothing-like-this'],
  ['trouble', '/nowhere'],
]
const OUTSIDE: readonly (readonly [string, string])[] = [
  ['login', '/login'],
  ['first', '/first#K7QF-4M2X-D9PA'],
]
/** What a site looks like on a bad day, on its first, and to somebody who may only look. */
const STATES: readonly (readonly [string, string, string, (story: Story) => void])[] = [
  ['now-impaired', '/now', 'sipho', impair],
  ['now-no-agent', '/now', 'sipho', silence],
  ['now-first-day', '/now', 'sipho', empty],
  ['actions-first-day', '/actions', 'sipho', empty],
  ['actions-viewer', '/actions', 'lerato', () => {}],
  ['finding-viewer', `/findings/${idOf(4)}`, 'lerato', () => {}],
  ['lake-at-quota', '/lake', 'sipho', fill],
  [
    'hardware-worn',
    '/hardware',
    'lerato',
    (story) => {
      story.ports.site.machine = async () => wornMachine()
    },
  ],
  [
    'hardware-bare',
    '/hardware',
    'sipho',
    (story) => {
      story.ports.site.machine = async () => bareMachine()
    },
  ],
  ['settings-viewer', '/settings', 'lerato', () => {}],
  ['refused', '/users', 'lerato', () => {}],
  ['password', '/password', 'sipho', () => {}],
]

function impair(story: Story): void {
  story.status = storyStatus({
    state: 'blind',
    sentence:
      'Cape Town: blind: no frame on 1 of 1 capture port for 42 min; stale: rules are 40 d old; 4 findings in 24 h, worst critical; cut off: no uplink for 3 h.',
    states: {
      blind: { because: 'no frame on 1 of 1 capture port for 42 min', since: NOW_US - 42 * MIN },
      stale: { because: 'rules are 40 d old', since: NOW_US - 10 * HOUR },
      cutOff: { because: 'no uplink for 3 h', since: NOW_US - 3 * HOUR },
    },
    selfTest: {
      lastAt: NOW_US - 12 * MIN,
      ok: false,
      sentence: 'The self-test attack was not found within 10 s.',
    },
  })
}

function fill(story: Story): void {
  const { status } = story.ports.lake
  story.ports.lake.status = async (asker) => {
    const well = await status(asker)
    return {
      ...well,
      tenants: well.tenants.map((each) => ({
        ...each,
        budgets: each.budgets.map((budget) => ({ ...budget, bytes: budget.bytesMax * 0.96 })),
        overQuota: { at: '2026-11-23T09:00:00.000000Z', files: 12, rows: 4_204_118, bytes: 31e9 },
      })),
    }
  }
}

function silence(story: Story): void {
  story.status = undefined
  const gone = () => Promise.reject(new Failure('unavailable', 'picket-agent does not answer.'))
  story.ports.findings.list = gone
  story.ports.days.last24h = gone
  story.ports.site.assets = gone
  story.ports.lake.status = gone
}

function empty(story: Story): void {
  story.status = storyStatus({
    state: 'quiet',
    sentence: 'Cape Town: nothing found; all traffic seen.',
    startedAt: NOW_US - 3 * MIN,
    openFindings: { critical: 0, high: 0, medium: 0, low: 0 },
    waitingActions: 0,
    assets: 0,
  })
  story.actions = []
  story.ports.findings.list = async () => ({ rows: [] })
  story.ports.site.assets = async () => []
  story.ports.days.last24h = async () => ({
    from: NOW_US - 24 * HOUR,
    to: NOW_US,
    began: NOW_US - 3 * MIN,
    halfHours: [],
    seen: [{ from: NOW_US - 3 * MIN, to: NOW_US }],
    selfTests: [],
  })
}

const chromium = findChromium()

describe.skipIf(!chromium)('pages in Chromium', () => {
  test.for(LOOKS)('$width px, $theme', async (look) => {
    await using site = await serveStory(createStory())
    await using browser = await openBrowser(chromium as string, look)
    const page = await browser.context.newPage()
    const errors = complaints(page)
    const wrong: string[] = []
    for (const [name, path] of [...OUTSIDE, ...PAGES]) {
      if (name === PAGES[0]?.[0]) await signIn(page, site.base, 'thandi')
      const timed = name !== OUTSIDE[0]?.[0]
      wrong.push(...(await lookAt(page, site, { name, path, look, timed })))
    }
    expect(errors).toEqual([])
    expect(wrong).toEqual([])
  })

  test.for(LOOKS)('other days and other people, $width px, $theme', async (look) => {
    await using browser = await openBrowser(chromium as string, look)
    const page = await browser.context.newPage()
    const errors = complaints(page)
    const wrong: string[] = []
    for (const [name, path, who, change] of STATES) {
      const story = createStory()
      await using site = await serveStory(story)
      change(story)
      await signIn(page, site.base, who)
      wrong.push(...(await lookAt(page, site, { name, path, look })))
      await page.goto('about:blank') // before its site goes
    }
    expect(errors).toEqual([])
    expect(wrong).toEqual([])
  })
})
