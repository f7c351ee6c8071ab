/** A change of retention by somebody with a session: atom and scope here, the line first, then picket-lake does it. */
import * as v from 'valibot'
import type { KeysBox } from './keys-box.ts'
import { parse, Slug, Token } from './keys-params.ts'
import { authorize } from './keys-session.ts'
import { type Deletion, lakeClient } from './lake-client.ts'
import { retentionWord } from './lake-methods.ts'
import { connect } from './rpc.ts'
import { socketPath } from './sockets.ts'

const Change = v.object({
  token: Token,
  tenant_id: Slug,
  kind: v.pipe(v.string(), v.regex(/^[a-z0-9]{1,16}$/)),
  days: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(36_500))),
})

export async function setRetention(
  box: KeysBox,
  params: unknown,
): Promise<{ deleted: Deletion | null }> {
  // biome-ignore format: one line
  const { token, tenant_id, ...change } = parse(Change, params)
  const { actor, scope } = authorize(box, token, 'settings')
  const [tenant] = scope.narrow([tenant_id])
  const subject = retentionWord(change.kind, change.days)
  const act = { actor, tenant, verb: 'retention.changed', subject } as const
  box.trail.write(act)
  try {
    const rpc = await connect(socketPath(box.data, 'lake', 'keys'))
    try {
      const done = await lakeClient(rpc).setRetention({ tenant_id, ...change })
      box.trail.write({ ...act, outcome: 'done' })
      return done
    } finally {
      rpc.close()
    }
  } catch (error) {
    box.trail.write({ ...act, outcome: 'failed' })
    throw error
  }
}
