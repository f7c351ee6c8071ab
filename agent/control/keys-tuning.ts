/** Tuning by somebody with a session: atom and scope here, the line first, then the agent does it. No page can leave the line out. */
import * as v from 'valibot'
import { Failure } from '../base/failure.ts'
import { UUID } from '../base/ids.ts'
import { type Override, readOverride, tunedWord } from '../detect/overrides.ts'
import { AgentClient } from './agent-client.ts'
import type { KeysBox } from './keys-box.ts'
import type { WebCalls } from './keys-client.ts'
import { type Handlers, parse, Token } from './keys-params.ts'
import { authorize } from './keys-session.ts'

const Tune = v.object({ token: Token, override: v.unknown() })
const Untune = v.object({ token: Token, override_id: v.pipe(v.string(), v.regex(UUID)) })

export function tuningMethods(box: KeysBox): Pick<Handlers<WebCalls>, 'tune' | 'untune'> {
  return {
    tune: (params) => {
      const { token, override } = parse(Tune, params)
      const asked = readOverride(override)
      const act = { verb: 'rules.tuned', subject: tunedWord(asked) } as const
      return announced(box, token, act, (agent, by) => agent.tune(asked, by))
    },
    untune: (params) => {
      const { token, override_id } = parse(Untune, params)
      const act = { verb: 'rules.untuned', subject: override_id } as const
      return announced(box, token, act, (agent) => agent.untune(override_id))
    },
  }
}

async function announced(
  box: KeysBox,
  token: string,
  act: { verb: 'rules.tuned' | 'rules.untuned'; subject: string },
  change: (agent: AgentClient, by: string) => Promise<Override>,
): Promise<Override> {
  const { actor, scope, user } = authorize(box, token, 'rules')
  // The agent of a box looks at the wire of its first tenant.
  const tenant = scope.tenants.find(({ tenant_id }) => tenant_id === box.accounts.tenants()[0]?.tenant_id) // biome-ignore format: one line
  if (!tenant) throw new Failure('not-found', 'There is no such rule in your scope.')
  const line = { actor, tenant, ...act }
  box.trail.write(line)
  try {
    const agent = await AgentClient.open(box.data, 'keys')
    try {
      const made = await change(agent, user.name)
      box.trail.write({ ...line, outcome: 'done' })
      return made
    } finally {
      agent.close()
    }
  } catch (error) {
    box.trail.write({ ...line, outcome: 'failed' })
    throw error
  }
}
