/**
 * What somebody with a session may know of the lake and change in it: atom and scope here, then picket-lake. picket-web has no
 * socket of picket-lake: taken over, it learns of the tenants of sessions that are open and of no other.
 */
import * as v from 'valibot'
import type { KeysBox } from './keys-box.ts'
import type { WebCalls } from './keys-client.ts'
import { type Handlers, parse, Slug, Slugs, Token } from './keys-params.ts'
import { authorize } from './keys-session.ts'
import { type LakeClient, lakeClient } from './lake-client.ts'
import { retentionWord } from './lake-methods.ts'
import { connect } from './rpc.ts'
import { socketPath } from './sockets.ts'

const Look = v.object({ token: Token, scope: v.optional(Slugs) })
const Change = v.object({
  token: Token,
  tenant_id: Slug,
  kind: v.pipe(v.string(), v.regex(/^[a-z0-9]{1,16}$/)),
  days: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(36_500))),
})

export function lakeWebMethods(
  box: KeysBox,
): Pick<Handlers<WebCalls>, 'lakeStatus' | 'wouldRetire' | 'setRetention'> {
  const { trail, data } = box
  return {
    lakeStatus: async (params) => {
      const { token, scope: wanted } = parse(Look, params)
      const { scope } = authorize(box, token, 'view')
      const seen = wanted ? scope.narrow(wanted) : scope.tenants
      const uids = new Set(seen.map(({ tenant_uid }) => tenant_uid))
      const status = await withLake(data, (lake) => lake.status())
      const tenants = status.tenants.filter(({ tenant_uid }) => uids.has(tenant_uid))
      return { ...status, tenants }
    },
    wouldRetire: (params) => {
      const { token, tenant_id, ...change } = parse(Change, params)
      authorize(box, token, 'view').scope.narrow([tenant_id])
      return withLake(data, (lake) => lake.wouldRetire({ tenant_id, ...change }))
    },
    /** The line first. */
    setRetention: async (params) => {
      const { token, tenant_id, ...change } = parse(Change, params)
      const { actor, scope } = authorize(box, token, 'settings')
      const [tenant] = scope.narrow([tenant_id])
      const subject = retentionWord(change.kind, change.days)
      const act = { actor, tenant, verb: 'retention.changed', subject } as const
      trail.write(act)
      try {
        const done = await withLake(data, (lake) => lake.setRetention({ tenant_id, ...change }))
        trail.write({ ...act, outcome: 'done' })
        return done
      } catch (error) {
        trail.write({ ...act, outcome: 'failed' })
        throw error
      }
    },
  }
}

async function withLake<T>(data: string, use: (lake: LakeClient) => Promise<T>): Promise<T> {
  const rpc = await connect(socketPath(data, 'lake', 'keys'))
  try {
    return await use(lakeClient(rpc))
  } finally {
    rpc.close()
  }
}
