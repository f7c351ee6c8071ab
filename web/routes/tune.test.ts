/** "Not useful here": from a finding's page in one act, seen on the page of rules, taken back there. */
import { expect, test } from 'vitest'
import { client } from '../../test/browser/story/client.ts'
import { idOf, NOW_US, PLC } from '../../test/browser/story/scene.ts'

const FIELDS = {
  rule_id: 'sid:9000101',
  what: `src ${PLC}`,
  days: '30',
  comment: 'Not useful here',
}

test('a finding is tuned in one act', async () => {
  const { get, post, story } = client('operator')
  expect(await (await get(`/findings/${idOf(1)}`)).text()).toContain('action="/rules/tune"')
  const reply = await post('/rules/tune', { ...FIELDS, back: `/findings/${idOf(1)}` })
  expect([reply.status, reply.headers.get('location')]).toEqual([303, `/findings/${idOf(1)}`])
  expect(story.audited).toEqual([]) // picket-keys writes the lines: test/lake/tuning.test.ts
  const [made] = (await story.ports.site.tuning()).overrides
  expect(made).toMatchObject({
    rule_id: 'sid:9000101',
    act: 'suppress',
    where: { side: 'src', address: PLC },
    by: 'thandi',
    expires: NOW_US + 30 * 86_400e6,
  })
  const page = await (await get('/rules')).text()
  expect(page).toContain(`is not shown from ${PLC}`)
  const { status } = await post('/rules/untune', { override_id: made?.override_id })
  expect(status).toBe(303)
  expect(await (await get('/rules')).text()).not.toContain(`is not shown from ${PLC}`)
})

test.for([
  [
    'hourly',
    { act: 'threshold', threshold: { kind: 'limit', track: 'by_src', count: 1, seconds: 3600 } },
  ],
  ['disable', { act: 'disable' }],
  ['comment', { act: 'comment' }],
] as const)('%s', async ([what, made]) => {
  const { post, story } = client('admin')
  await post('/rules/tune', { ...FIELDS, what, days: '0' })
  const [override] = (await story.ports.site.tuning()).overrides
  expect(override).toMatchObject(made)
  expect(override?.expires).toBeUndefined()
})

test.for([
  [{ what: 'everything' }, 400],
  [{ days: '4000' }, 400],
])('%j is refused and changes nothing', async ([more, status]) => {
  const { post, story } = client('admin')
  expect((await post('/rules/tune', { ...FIELDS, ...(more as object) })).status).toBe(status)
  expect((await story.ports.site.tuning()).overrides).toHaveLength(1)
})

test('who may only look sees what is tuned and has no button for it', async () => {
  const { get, post } = client('viewer')
  const page = await (await get('/rules')).text()
  expect(page).toContain('The scanner of the insurer')
  expect(page).not.toContain('/rules/untune')
  expect((await post('/rules/tune', FIELDS)).status).toBe(403)
})
