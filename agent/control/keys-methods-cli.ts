/** What the box's own operator may ask: who can open this socket is root here, or the box's user. Audited as `console`. */
import * as v from 'valibot'
import { verbOf } from '../audit/verb.ts'
import { Failure } from '../base/failure.ts'
import { Scope } from '../tenancy/scope.ts'
import { checkDatabase } from '../tenancy/sealed-db.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import { addTenant, rotateEpoch, rotateRoot } from './keys-acts.ts'
import { pageFor, verifyAudit } from './keys-audit.ts'
import type { KeysBox } from './keys-box.ts'
import type { CliCalls } from './keys-client.ts'
import { fleetCliMethods } from './keys-methods-fleet.ts'
import { userView } from './keys-methods-users.ts'
import { decide, present } from './keys-methods-web.ts'
import type { Packets } from './keys-packets.ts'
import {
  announcement,
  auditPage,
  decision,
  type Handlers,
  None,
  packetsQuestion,
  parse,
  question,
  Slug,
  Slugs,
} from './keys-params.ts'
import type { Questions } from './keys-query.ts'
import { checkCaches } from './tenant-carriers.ts'

const ACTOR = 'console'
const Announce = v.object(announcement)

export function cliMethods(
  box: KeysBox,
  questions: Questions,
  packets: Packets,
): Handlers<CliCalls> {
  const { accounts, ring } = box
  return {
    ...fleetCliMethods(box),
    tenants: (params) => {
      parse(None, params)
      return { tenants: accounts.tenants() }
    },
    addTenant: (params) => {
      const shape = v.object({ tenant_id: Slug, fleet_id: v.optional(Slug) })
      return addTenant(box, parse(shape, params), ACTOR)
    },
    query: (params) => {
      const { scope: wanted, ...asked } = parse(v.object({ scope: Slugs, ...question }), params)
      const scope = new Scope(accounts.tenants())
      const asker = { actor: ACTOR, session: ACTOR, scope, grant: [ACTOR] }
      return questions.ask(asker, wanted, present(asked))
    },
    packets: (params) => {
      const asked = parse(v.object(packetsQuestion), params)
      const scope = new Scope(accounts.tenants())
      return packets.ask({ actor: ACTOR, session: ACTOR, scope, grant: [ACTOR] }, present(asked))
    },
    oneTimeLogin: (params) => {
      const { tenant_id } = parse(v.object({ tenant_id: v.optional(Slug) }), params)
      const tenant = tenant_id === undefined ? accounts.tenants()[0] : mustFind(box, tenant_id)
      if (!tenant) throw new Failure('not-found', 'There is no tenant yet. Run picket init first.')
      box.trail.write({ actor: ACTOR, tenant, verb: 'session.code-made', outcome: 'done' })
      return box.codes.make(tenant.tenant_id)
    },
    users: (params) => {
      parse(None, params)
      return { users: accounts.users().map(userView) }
    },
    auditList: (params) => {
      const { limit, before } = parse(v.object(auditPage), params)
      const tenantUids = new Scope(accounts.tenants()).uids
      return pageFor(box, { limit, before, tenantUids, boxWide: true })
    },
    auditVerify: (params) => {
      parse(None, params)
      return verifyAudit(box)
    },
    rotateEpoch: (params) => {
      const { tenant_id } = parse(v.object({ tenant_id: Slug }), params)
      return { epoch: rotateEpoch(box, mustFind(box, tenant_id), ACTOR) }
    },
    rotateRoot: async (params) => {
      parse(None, params)
      return { generation: await rotateRoot(box, ACTOR) }
    },
    describeKeys: (params) => {
      parse(None, params)
      const tenants = accounts.tenants().map(({ tenant_id, tenant_uid }) => ({
        tenant_id,
        ...ring.inventory(tenant_uid),
      }))
      return { custodian: { ...ring.describe() }, tenants }
    },
    invariants: (params) => {
      parse(None, params)
      const tenants = accounts.tenants()
      const tenantUids = tenants.map(({ tenant_uid }) => tenant_uid)
      return {
        caches: checkCaches(questions.cacheKeys(), tenantUids),
        databases: box.databases().map((db) => checkDatabase(box.data, db)),
        tenantUids,
        fleetUids: tenants.flatMap(({ tenant_id }) => box.fleet.of(tenant_id)?.fleet_uid ?? []),
      }
    },
    audit: (params) => {
      const { verb, subject, text, count, outcome = 'intent' } = parse(Announce, params)
      if (verbOf(verb)?.atom !== 'rules')
        throw new Failure('refused', `The command line does not announce ${verb}.`)
      const [tenant] = accounts.tenants()
      const { seq } = box.trail.write({ actor: ACTOR, tenant, verb, subject, text, count, outcome })
      return { seq }
    },
    decide: (params) => {
      const what = parse(v.object(decision), params)
      return decide(box, what, { actor: ACTOR, tenant: accounts.tenants()[0], by: ACTOR })
    },
  }
}

function mustFind({ accounts }: KeysBox, tenantId: string): Tenant {
  const tenant = accounts.tenants().find(({ tenant_id }) => tenant_id === tenantId)
  if (!tenant) throw new Failure('not-found', `There is no tenant ${tenantId} on this box.`)
  return tenant
}
