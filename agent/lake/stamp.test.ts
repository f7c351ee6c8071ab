import { expect, test } from 'vitest'
import { COLUMNS, type EventDraft, RECORD_BYTES_MAX } from '../base/event.ts'
import { type CutRecord, stampEvent } from './stamp.ts'

const STAMP = { tenant_id: 'alfa', fleet_id: 'acme', appliance_id: 'a'.repeat(32) }
const NOW_US = 1_762_164_000_000_000
const stamped = (draft: Partial<EventDraft>) =>
  stampEvent({ kind: 'flow', event_time: NOW_US - 1, ...draft }, STAMP, NOW_US)

test('a row has every column, its tenant from the stamp, and no other field of the draft', () => {
  const row = stamped({ host: 'h', tenant_id: 'zulu', other: 1 } as Partial<EventDraft>)
  expect(Object.keys(row).sort()).toEqual(COLUMNS.map(([name]) => name as string).sort())
  expect(row).toMatchObject({ ...STAMP, host: 'h', event_time: NOW_US - 1, ingest_time: NOW_US })
})

test('what is out of bounds is cut, or is not there', () => {
  const row = stamped({
    message: 'x'.repeat(5000),
    bytes: -1,
    packets: Number.NaN,
    src_port: 53,
    event_time: Number.POSITIVE_INFINITY,
    attack_ids: Array.from({ length: 40 }, (_, i) => `T${i}`),
    event_id: 'none',
  })
  expect(row.message).toHaveLength(4096)
  expect([row.bytes, row.packets, row.src_port]).toEqual([undefined, undefined, 53])
  expect(row.event_time).toBe(NOW_US)
  expect(row.attack_ids).toHaveLength(16)
  expect(row.event_id).not.toBe('none')
})

/** Texts of one, two, three and six bytes a character; the last are those that JSON writes as \u0001. */
test.each(['x', 'é', '漢', '\u0001'])(
  'a record of %j is kept to the byte and cut one past it',
  (char) => {
    const bytesOf = (record: object) => Buffer.byteLength(JSON.stringify(record))
    const each = bytesOf({ a: char }) - bytesOf({ a: '' })
    const rest = RECORD_BYTES_MAX - bytesOf({ a: '', n: [1] })
    const fits = { a: char.repeat(Math.floor(rest / each)) + 'y'.repeat(rest % each), n: [1] }
    expect(bytesOf(fits)).toBe(RECORD_BYTES_MAX)
    expect(stamped({ record: fits }).record).toBe(fits)
    const cut = stamped({ record: { ...fits, a: `${fits.a}y` } }).record as unknown as CutRecord
    expect(cut).toMatchObject({ picket_cut: true, picket_bytes: RECORD_BYTES_MAX + 1 })
    expect(bytesOf(cut)).toBeLessThanOrEqual(RECORD_BYTES_MAX)
  },
)
