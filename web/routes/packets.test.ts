/** A finding's frames as a download: for whom, as what, and what it says where there are none. */
import { expect, test } from 'vitest'
import { client } from '../../test/browser/story/client.ts'
import { strangerFinding } from '../../test/browser/story/findings.ts'
import { idOf } from '../../test/browser/story/scene.ts'

const path = (n: number) => `/findings/${idOf(n)}/packets`

test('an operator gets a file, by a name of its own, that no browser opens as a page', async () => {
  const { post, get } = client('operator')
  const reply = await post(path(1))
  expect(reply.status).toBe(200)
  expect(reply.headers.get('content-type')).toBe('application/x-pcapng')
  expect(reply.headers.get('content-disposition')).toBe(`attachment; filename="finding-${idOf(1)}.pcapng"`) // biome-ignore format: one line
  expect(reply.headers.get('x-content-type-options')).toBe('nosniff')
  expect(reply.headers.get('cache-control')).toBe('no-store')
  expect(Buffer.from(await reply.arrayBuffer()).toString('hex')).toBe('0a0d0d0a')
  expect(await (await get(`/findings/${idOf(1)}`)).text()).toContain(`action="${path(1)}"`)
})

test('a viewer sees no button and gets no file; a ring that has forgotten says so', async () => {
  const viewer = client('viewer')
  expect(await (await viewer.get(`/findings/${idOf(1)}`)).text()).not.toContain('/packets"')
  expect((await viewer.post(path(1))).status).toBe(403)
  const late = await client('operator').post(path(2))
  expect(late.status).toBe(404)
  expect(await late.text()).toContain('it no longer holds that time')
})

test('a finding of somebody else is a finding of nobody', async () => {
  const { post } = client('admin')
  const answer = async (id: string) => {
    const reply = await post(`/findings/${id}/packets`)
    expect(reply.status).toBe(404)
    return (await reply.text()).replaceAll(id, 'ID')
  }
  expect(await answer(strangerFinding.event_id)).toBe(await answer(idOf(9999)))
})
