/** What the site says of itself, and its last day. */
import type { SiteStatus } from '../../../agent/control/agent-client.ts'
import type { Day } from '../../../web/base/ports.ts'
import { findings } from './findings.ts'
import { DAY, HOUR, MIN, NOW_US, TENANT } from './scene.ts'

/** Traffic of an hour with a hump and a few lost frames while it lasted. */
function perSecond() {
  return Array.from({ length: 360 }, (_, i) => {
    const at = Math.floor(NOW_US / 1e6 / 10) * 10 - (359 - i) * 10
    const wave =
      20_400 + 2600 * Math.sin(i / 40) + 900 * Math.sin(i / 3.1) + 300 * Math.sin(i * 1.7)
    const hump = 7800 * Math.exp(-(((i - 288) / 14) ** 2))
    const lost = i >= 276 && i <= 300 ? Math.max(0, 3.2 - Math.abs(i - 288) / 5) : 0
    return { at, frames: Math.round(wave + hump), dropped: Number(lost.toFixed(1)) }
  })
}

export function storyStatus(more: Partial<SiteStatus> = {}): SiteStatus {
  return {
    site: 'Cape Town',
    tenant_id: TENANT.tenant_id,
    fleet_id: TENANT.fleet_id,
    state: 'findings',
    states: { blind: null, stale: null, cutOff: null },
    sentence:
      'Cape Town: 214 Modbus writes to PLC-2 from a station never seen before; 2 actions wait for you, 1 block in force.',
    basis: [
      'frames on 1 of 1 capture port',
      'self-test at 11:00 found in 0.4 s',
      '12 rules, 6 h old',
      'clock +3 ms of UTC',
      '538 of 74,812,440 frames lost',
    ],
    capture: {
      interfaces: [
        {
          name: 'mirror0',
          frames: 74_812_440,
          processed: 74_811_902,
          dropped: 538,
          bytes: 51_204_117_004,
          lastFrameAt: NOW_US - 2000,
          perSecond: perSecond(),
        },
      ],
    },
    blindSeconds: 0,
    missedFrames: 0,
    rules: { loaded: 12, refused: 1, generation: 7, ageSeconds: 6 * 3600 + 400 },
    selfTest: {
      lastAt: NOW_US - 56 * MIN,
      ok: true,
      foundAfterMs: 412,
      sentence: 'The self-test attack was found after 0.4 s.',
    },
    clock: { offsetMs: 3, source: 'kernel' },
    version: '0.1.0',
    startedAt: NOW_US - 6 * DAY,
    counters: {},
    flows: { live: 1204 },
    assets: 28,
    openFindings: { critical: 1, high: 2, medium: 1, low: 1 },
    waitingActions: 2,
    ...more,
  }
}

export function day(): Day {
  const from = NOW_US - DAY
  const halfHours = Array.from({ length: 48 }, (_, i) => ({
    at: from + i * 30 * MIN,
    counts: {} as Day['halfHours'][number]['counts'],
  }))
  for (const { event_time, severity } of findings) {
    const half = halfHours[Math.min(47, Math.floor((event_time - from) / (30 * MIN)))]
    if (half && severity) half.counts[severity] = (half.counts[severity] ?? 0) + 1
  }
  return {
    from,
    to: NOW_US,
    halfHours,
    seen: [
      { from, to: from + 12.9 * HOUR },
      { from: from + 13.8 * HOUR, to: NOW_US },
    ],
    selfTests: Array.from({ length: 24 }, (_, i) => ({
      at: from + (i + 0.07) * HOUR,
      ok: i !== 13,
    })),
  }
}
