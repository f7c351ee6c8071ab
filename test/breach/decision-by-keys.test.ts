/** The whole way of a decision: picket-keys checks and signs, the guard verifies and acts, the trail has both. */
import { expect, test } from 'vitest'
import { aPlan, GuardedSite } from '../traffic/guarded-site.ts'
import { AT, canUnshare, until } from '../traffic/three-networks.ts'
import { makeFolder, startBox } from './box.ts'

const able = canUnshare()
if (!able) process.stderr.write('decision-by-keys: skipped, user namespaces are off here\n')

test.skipIf(!able)('what picket-keys signed for a person is what the guard does', async () => {
  await using stack = new AsyncDisposableStack()
  const folder = await makeFolder()
  const box = await startBox(folder)
  stack.defer(() => box.close())
  const site = await GuardedSite.beside(folder.data)
  stack.defer(() => site.close())

  const { token } = await box.admin()
  const { action_id, hash } = await site.agent.propose(
    aPlan({ tenant_uid: folder.alfa.tenant_uid, dest: AT.asset }),
  )
  const decide = async (verb: 'approve' | 'undo') => ({
    action_id,
    hash,
    decision: await box.web.decide({ token, action_id, hash, verb }),
  })
  const approval = await decide('approve')
  await expect(site.web.undo(approval)).rejects.toThrow('about something else')
  expect((await site.web.approve(approval)).state).toBe('active')
  await expect(site.web.approve(approval)).rejects.toThrow('used before')
  const verbs = async () =>
    (await box.web.auditList({ token })).items
      .filter(({ subject }) => subject === action_id)
      .map(({ verb }) => verb)
      .reverse()
  await until(async () => (await verbs()).includes('action.applied'), 'the trail has its beginning')
  expect((await site.web.undo(await decide('undo'))).state).toBe('undone')
  await until(async () => (await verbs()).includes('action.undone'), 'the trail has the end of it')
  expect((await verbs()).filter((verb, i, all) => all.indexOf(verb) === i)).toEqual([
    'action.approve',
    'action.applied',
    'action.undo',
    'action.undone',
  ])
})
