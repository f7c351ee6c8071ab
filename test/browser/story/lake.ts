/** The lake of the story: what it holds, the room of each store, and what shorter days would delete. */
import type { Ports } from '../../../web/base/ports.ts'
import type { Story } from '../story.ts'
import { sessionOf } from './people.ts'
import { DAY, HOUR, NOW_US } from './scene.ts'

const NO_ANNEX = { annexFiles: 0, annexValues: 0, annexBytes: 0, annexRefused: 0 }

export function lakePort(story: Story): Ports['lake'] {
  return {
    status: async ({ token, scope }) => ({
      rowsSettled: 1_204_411,
      settleRowsPerSecond: 182_400,
      retentionDays: 180,
      disk: { totalBytes: 1.82e12, freeBytes: 0.737e12 },
      tenants: sessionOf(story, token)
        .tenants.filter(({ tenant_id }) => scope.includes(tenant_id))
        .map(({ tenant_id, tenant_uid }) => ({
          tenant_id,
          tenant_uid,
          rows: 41_203_118,
          tier1Files: 41,
          tier2Files: 842,
          bytes: 883_000_000_000,
          oldestRow: new Date((NOW_US - 99 * DAY) / 1000).toISOString(),
          oldestRowTier1: new Date((NOW_US - 7 * HOUR) / 1000).toISOString(),
          oldestRowTier2: new Date((NOW_US - 99 * DAY) / 1000).toISOString(),
          generation: 8831,
          catalogHead: null,
          waiting: 1,
          aside: 0,
          ...NO_ANNEX,
          retention: { all: 180, flow: 90 },
          budgets: [
            { store: 'packet ring', bytes: 498e6, bytesMax: 537e6, atFull: 'forgets its oldest frames' }, // biome-ignore format: one line
            { store: 'journal', bytes: 41e6, bytesMax: 2.15e9, atFull: 'refuses rows, and counts them' }, // biome-ignore format: one line
            { store: 'lake', bytes: 883e9, bytesMax: 1.63e12, atFull: 'retires its oldest files' },
            { store: 'audit', bytes: 12e6, bytesMax: 1.07e9, atFull: 'is never cut: the others leave it this room' }, // biome-ignore format: one line
          ],
          horizon: { bytesPerDay: 8.9e9, overDays: 7, fullOnUs: NOW_US + 83 * DAY },
          promise: {
            at: new Date((NOW_US - 3 * HOUR) / 1000).toISOString(),
            tiers: [],
            promisedDays: 180,
            kept: true,
            sentence: 'The oldest row is 99 days old; 180 days are promised.',
          },
        })),
      wear: { device: 'nvme0n1', bytesWritten: 4.1e12, because: 'its wear is not readable here' },
    }),
    wouldRetire: async (_token, { kind, days }) =>
      kind === 'flow' && days !== null && days < 60
        ? {
            rows: 8_804_211,
            bytes: 1.2e9,
            files: 0,
            rewritten: 214,
            from_us: NOW_US - 99 * DAY,
            to_us: NOW_US - 58 * DAY,
          }
        : null,
    setRetention: async (token, { kind, days }) => {
      story.audited.push(`retention.changed ${sessionOf(story, token).name} ${kind} ${days}`)
      return null
    },
  }
}
