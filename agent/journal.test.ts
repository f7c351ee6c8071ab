/** The journal's own room: at it rows wait and are then refused; what others hold is not touched. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { until } from '../test/traffic/three-networks.ts'
import type { EventRow } from './base/event.ts'
import { silentLog } from './base/log.ts'
import { openJournal } from './journal.ts'
import type { Tenant } from './tenancy/tenant.ts'

const tenant: Tenant = {
  tenant_id: 'alfa',
  tenant_uid: 'a1'.repeat(16),
  fleet_id: 'alfa',
  appliance_id: 'b2'.repeat(16),
  created: 1,
}
const row = { tenant_id: 'alfa', fleet_id: 'alfa', kind: 'flow', event_time: 1, ingest_time: 1 } as EventRow // biome-ignore format: one line

test('a journal at its quota takes no new segment until there is room again, and says why', async () => {
  const data = mkdtempSync(join(tmpdir(), 'picket-journal-'))
  const folder = join(data, 'journal', tenant.tenant_uid)
  const waiting = join(folder, 'aside', 'one')
  mkdirSync(join(folder, 'aside'), { recursive: true })
  writeFileSync(waiting, Buffer.alloc(2000))
  let asked = 0
  const openSegment = async () => {
    asked++
    return { segment_uid: 'c3'.repeat(16), appliance_id: tenant.appliance_id, epoch: 1, salt: 'd4'.repeat(32), key: Buffer.alloc(32, 7).toString('base64') } // biome-ignore format: one line
  }
  const journal = await openJournal({
    ...{ data, tenant, settleSeconds: 60, bytesMax: 1000, log: silentLog },
    keys: { openSegment } as unknown as Parameters<typeof openJournal>[0]['keys'],
  })
  try {
    let isWritten = false
    const written = journal.append([row]).then(() => {
      isWritten = true
    })
    await until(() => journal.status().fault !== undefined, 'it says why')
    expect(journal.status().fault).toContain('The journal is at its quota')
    expect([isWritten, asked]).toEqual([false, 0])
    rmSync(waiting) // as picket-lake does when it settles
    await written
    expect(journal.status().fault).toBeUndefined()
    expect(asked).toBe(1)
  } finally {
    await journal.close()
    rmSync(data, { recursive: true })
  }
})
