/** The trail is numbered over the whole box, so a number tells how much a neighbour did. */
import { expect, test } from 'vitest'
import { client } from '../../test/browser/story/client.ts'

function reader(numbered: boolean) {
  const { get, story } = client('admin')
  const { auditList } = story.ports.audit
  story.ports.audit.auditList = async (given) => ({ ...(await auditList(given)), numbered })
  return async (path: string) => (await get(path)).text()
}

test('who sees the whole box sees the numbers of its lines', async () => {
  const read = reader(true)
  expect(await read('/audit?range=all')).toMatch(/newest line \d/)
  expect(JSON.parse(await read('/api/audit?range=all')).rows[0]).toHaveProperty('seq')
})

test('who sees a part of it sees none, and no cursor tells one', async () => {
  const read = reader(false)
  const page = await read('/audit?range=all&limit=2')
  expect(page).not.toMatch(/line \d/)
  const { rows, next } = JSON.parse(await read('/api/audit?range=all&limit=2'))
  expect(rows).toHaveLength(2)
  for (const row of rows) expect(row).not.toHaveProperty('seq')
  expect(Buffer.from(next, 'base64url').toString('latin1')).not.toMatch(/\[\d+,/)
  expect(JSON.parse(await read(`/api/audit?range=all&limit=2&after=${next}`)).rows).toHaveLength(2)
})
