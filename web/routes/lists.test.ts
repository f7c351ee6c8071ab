/** Every list can be searched by address, by name and by time, in its URL, and its cursor is its own. */
import { describe, expect, test } from 'vitest'
import { client } from '../../test/browser/story/client.ts'
import { NOW_US } from '../../test/browser/story/scene.ts'

interface Reply {
  rows: Record<string, unknown>[]
  next: string | null
}
const MINUTE = 60e6
const at = (minutes: number) =>
  new Date((NOW_US - minutes * MINUTE) / 1000).toISOString().slice(0, 16)

const { get } = client('admin')
async function list(path: string): Promise<Reply> {
  const reply = await get(path)
  expect(reply.status, path).toBe(200)
  return (await reply.json()) as Reply
}

describe.for([
  ['findings', '10.40.7.23', 'ssh', 'range=all'],
  ['flows', '10.40.7.23', '', 'range=all'],
  ['assets', '10.40.7.23', 'eng-lt', 'range=all'],
  ['actions', '198.51.100.17', 'guessing', 'range=30d'],
  ['audit', '', 'sipho', 'range=30d'],
  ['rules', '', 'modbus', ''],
] as const)('%s', ([name, address, words, range]) => {
  const ask = (query: string) => list(`/api/${name}?${range}&${query}`)

  if (address !== '')
    test('by address: exactly that one', async () => {
      const { rows } = await ask(`q=${address}`)
      expect(rows.length).toBeGreaterThan(0)
      for (const row of rows)
        expect([row.src_ip, row.dest_ip, row.address, row.target, row.dest]).toContain(address)
      expect((await ask(`q=${address.slice(0, -1)}`)).rows).toEqual([])
    })

  if (words !== '')
    test('by name or word, whatever the case', async () => {
      const { rows } = await ask(`q=${words.toUpperCase()}`)
      expect(rows.length).toBeGreaterThan(0)
      expect(rows.length).toBeLessThan((await ask('')).rows.length)
      for (const row of rows) expect(JSON.stringify(row).toLowerCase()).toContain(words)
    })

  test('nothing fits: an empty list, and the page says what next', async () => {
    expect((await ask('q=nothing-like-this')).rows).toEqual([])
    const page = await (await get(`/${name}?${range}&q=nothing-like-this`)).text()
    expect(page).toContain('class="note empty"')
    expect(page).toContain('value="nothing-like-this"') // the box keeps what was typed
  })

  if (range !== '')
    test('by time', async () => {
      const all = (await ask('limit=500')).rows.length
      const newer = (await list(`/api/${name}?limit=500&from=${at(5)}`)).rows.length
      expect(newer).toBeLessThan(all)
      expect((await list(`/api/${name}?to=1999-01-01`)).rows).toEqual([])
    })

  test('a field that cannot be used is named', async () => {
    for (const [field, value] of [
      ['limit', '501'],
      ['range', 'ever'],
      ['from', 'noon'],
      ['q', 'x'.repeat(129)],
    ] as const) {
      const reply = await get(`/api/${name}?${field}=${value}`)
      expect(reply.status).toBe(400)
      expect(await reply.text()).toContain(field)
    }
  })

  test('pages follow each other without a gap or a repeat', async () => {
    const id = (row: Record<string, unknown>) =>
      JSON.stringify(row.event_id ?? row.action_id ?? row.rule_id ?? row.seq ?? row.address)
    const whole = (await ask('limit=500')).rows.map(id)
    const seen: string[] = []
    let after = ''
    do {
      const page = await ask(`limit=2${after}`)
      expect(page.rows.length).toBeLessThanOrEqual(2)
      seen.push(...page.rows.map(id))
      after = page.next ? `&after=${page.next}` : ''
    } while (after && seen.length < 20)
    expect(seen).toEqual(whole.slice(0, seen.length))
  })

  test('a cursor opens only its own list of its own login', async () => {
    const { next } = await ask('limit=1')
    expect(next).toBeTruthy()
    const other = client('admin', {}, client('admin').story)
    expect((await other.get(`/api/${name}?after=${next}`)).status).toBe(400)
    const elsewhere = name === 'flows' ? 'findings' : 'flows'
    expect((await get(`/api/${elsewhere}?after=${next}`)).status).toBe(400)
    expect((await get(`/api/${name}?after=AAAA`)).status).toBe(400)
  })
})

test('people are found by name or role', async () => {
  const page = await (await get('/users?q=LERATO')).text()
  expect(page).toContain('1 of 4 fit')
  expect(page).not.toContain('contractor')
})

test('what the lake could not read is said above the list, and in the API', async () => {
  const gappy = client('viewer')
  gappy.story.ports.findings.list = async () => ({ rows: [], gaps: ['part-7.parquet is missing'] })
  expect(await (await gappy.get('/findings')).text()).toContain(
    'This list is not whole: part-7.parquet is missing',
  )
  expect(await (await gappy.get('/api/findings')).json()).toMatchObject({
    gaps: ['part-7.parquet is missing'],
  })
})

test('what ails the lake is a sentence on its page: the disk, the clock, too many small files', async () => {
  const ill = client('viewer')
  const { lake } = ill.story.ports
  const { status } = lake
  const fault = 'The lake of cape-town takes no rows for now: the disk is full.'
  const clock = 'The clock says 2027-11-01, days ahead of 2026-11-01. No row is deleted.'
  lake.status = async (asker) => {
    const well = await status(asker)
    return {
      ...well,
      clock,
      tenants: well.tenants.map((each) => ({ ...each, fault, tier1Files: 100_000 })),
    }
  }
  const page = await (await ill.get('/lake')).text()
  for (const words of [fault, clock, '100,000\u00a0small files wait to be joined.'])
    expect(page).toContain(words)
  expect(page).toContain('needs a look')
})
