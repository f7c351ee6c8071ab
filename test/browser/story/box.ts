/** Guard, agent, lake and settings of the story. */
import { Failure } from '../../../agent/base/failure.ts'
import { uuidV7 } from '../../../agent/base/ids.ts'
import type { OverrideView, Ports } from '../../../web/base/ports.ts'
import type { Story } from '../story.ts'
import { assets, rules } from './inventory.ts'
import { lakePort } from './lake.ts'
import { storyMachine } from './machine.ts'
import { sessionOf } from './people.ts'
import { DAY, NOW_US, TENANT } from './scene.ts'

export function boxPorts(story: Story): Pick<Ports, 'actions' | 'site' | 'lake' | 'settings'> {
  const present = () => {
    if (story.status) return story.status
    throw new Failure('unavailable', 'picket-agent does not answer.')
  }
  return {
    actions: {
      list: async (tenants) =>
        story.actions.filter((each) =>
          tenants.some(({ tenant_uid }) => tenant_uid === each.tenant_uid),
        ),
      decide: async (token, { action_id, hash, verb }) => {
        const found = story.actions.find((each) => each.action_id === action_id)
        if (!found || found.hash !== hash)
          throw new Failure('conflict', 'The plan has changed since you saw it.')
        const by = { decidedBy: sessionOf(story, token).name, decidedAt: NOW_US }
        if (verb === 'approve')
          Object.assign(found, by, {
            state: 'active',
            activeAt: NOW_US,
            endsAt: NOW_US + found.durationMs * 1000,
            decideToDropMs: 2.4,
          })
        if (verb === 'reject') Object.assign(found, by, { state: 'rejected', endedAt: NOW_US })
        if (verb === 'undo') Object.assign(found, by, { state: 'undone', endedAt: NOW_US })
        story.tell({ kind: 'action', action: found })
        return found
      },
      neverBlock: async () => [
        { prefix: '10.40.0.1', because: 'is the default gateway' },
        { prefix: '10.40.1.2', because: 'is a resolver of this box' },
        { prefix: '10.40.2.11', because: 'is a controller that was seen to answer' },
        { prefix: '10.40.0.0/28', because: 'is on the never-block list of this site' },
      ],
    },
    site: {
      status: async () => present(),
      assets: async () => assets,
      rules: async () => rules,
      machine: async () => storyMachine(),
      reloadRules: async () => ({ loaded: 12, refused: 1, generation: 8 }),
      ...tuningPorts(story),
      selfTest: async () => ({ ok: true, sentence: 'The self-test attack was found after 0.3 s.' }),
    },
    lake: lakePort(story),
    settings: {
      view: () => ({
        file: '/var/lib/picket/config.json',
        groups: [
          {
            title: 'Capture',
            settings: [
              { name: 'capture.interfaces', value: 'mirror0', meaning: 'Ports that are captured.' },
              { name: 'capture.ringMiB', value: '64', meaning: 'Ring of each shard, in MiB.' },
            ],
          },
          {
            title: 'Containment',
            settings: [
              {
                name: 'contain.policy',
                value: 'propose',
                meaning:
                  'Propose waits for a person; automatic acts alone on proven evidence only.',
              },
            ],
          },
        ],
      }),
    },
  }
}

/** Overrides as the agent keeps them: one is there from before. */
function tuningPorts(story: Story): Pick<Ports['site'], 'tuning' | 'tune' | 'untune'> {
  const overrides: OverrideView[] = [
    {
      override_id: '01930000-0000-7000-8000-0000000000d6',
      rule_id: 'sid:9000101',
      act: 'suppress',
      where: { side: 'src', address: '10.40.3.0/24' },
      comment: 'The scanner of the insurer, every Tuesday',
      by: 'thandi',
      at: NOW_US - 3 * DAY,
      expires: NOW_US + 27 * DAY,
      held: 14,
    },
  ]
  return {
    tuning: async () => ({ tenant_id: TENANT.tenant_id, overrides }),
    tune: async (token, asked) => {
      const made = {
        ...asked,
        by: sessionOf(story, token).name,
        at: NOW_US,
        override_id: uuidV7(),
        held: 0,
      }
      overrides.unshift(made)
      return made
    },
    untune: async (_, id) => {
      const at = overrides.findIndex(({ override_id }) => override_id === id)
      if (at < 0) throw new Failure('not-found', 'There is no such override.')
      return overrides.splice(at, 1)[0] as OverrideView
    },
  }
}
