/** What picket-web may ask: everything by session token, which picket-keys resolves itself (D24). */
import * as v from 'valibot'
import { verbOf } from '../audit/verb.ts'
import { Failure } from '../base/failure.ts'
import { newUid } from '../base/ids.ts'
import type { Envelope } from '../base/signing.ts'
import { pageFor } from './keys-audit.ts'
import type { KeysBox } from './keys-box.ts'
import type { Decision, WebCalls } from './keys-client.ts'
import { lakeWebMethods } from './keys-lake.ts'
import { fleetWebMethods } from './keys-methods-fleet.ts'
import { loginMethods } from './keys-methods-login.ts'
import { userMethods } from './keys-methods-users.ts'
import type { Packets } from './keys-packets.ts'
import {
  announcement,
  auditPage,
  decision,
  type Handlers,
  packetsQuestion,
  parse,
  question,
  Slugs,
  Token,
} from './keys-params.ts'
import type { Questions } from './keys-query.ts'
import { authorize } from './keys-session.ts'
import { tuningMethods } from './keys-tuning.ts'

const Decide = v.object({ token: Token, ...decision })
const Announce = v.object({ token: Token, ...announcement })
const List = v.object({ token: Token, ...auditPage })
const TakePackets = v.object({ token: Token, ...packetsQuestion })
const Ask = v.object({ token: Token, scope: v.optional(Slugs), ...question })

export function webMethods(
  box: KeysBox,
  questions: Questions,
  packets: Packets,
): Handlers<WebCalls> {
  return {
    ...loginMethods(box),
    ...userMethods(box),
    ...tuningMethods(box),
    ...fleetWebMethods(box),
    ...lakeWebMethods(box),
    decide: (params) => {
      const { token, ...what } = parse(Decide, params)
      const { actor, home: tenant, user } = authorize(box, token, 'decide')
      return decide(box, what, { actor, tenant, by: user.name })
    },
    audit: (params) => {
      const {
        token,
        verb,
        subject,
        text,
        count,
        tenant_id,
        outcome = 'intent',
      } = parse(Announce, params)
      const atom = verbOf(verb)?.atom
      if (!atom) throw new Failure('refused', `picket-web does not announce ${verb}.`)
      const { actor, scope, home } = authorize(box, token, atom)
      const [tenant] = scope.narrow([tenant_id ?? home.tenant_id])
      const { seq } = box.trail.write({ actor, tenant, verb, subject, text, count, outcome })
      return { seq }
    },
    auditList: (params) => {
      const { token, limit, before } = parse(List, params)
      const { scope } = authorize(box, token, 'audit')
      return pageFor(box, {
        limit,
        before,
        tenantUids: scope.uids,
        boxWide: isWholeBox(box, scope),
      })
    },
    query: (params) => {
      const { token, scope: wanted, ...asked } = parse(Ask, params)
      const { actor, scope, session, user } = authorize(box, token, 'view')
      const grant = [user.role, ...user.tenants]
      const asker = { actor, scope, grant, session: session.session_id }
      return questions.ask(asker, wanted, present(asked))
    },
    packets: (params) => {
      const { token, ...asked } = parse(TakePackets, params)
      const { actor, scope, session, user } = authorize(box, token, 'export')
      const grant = [user.role, ...user.tenants]
      const asker = { actor, scope, grant, session: session.session_id }
      return packets.ask(asker, present(asked))
    },
  }
}

/** A signed decision (D2): the line is on disk before the envelope exists. */
export function decide(
  { trail, signer, clock }: KeysBox,
  { action_id, hash, verb }: Pick<Decision, 'action_id' | 'hash' | 'verb'>,
  who: { actor: string; tenant: { tenant_id: string; tenant_uid: string } | undefined; by: string },
): Envelope {
  trail.write({ actor: who.actor, tenant: who.tenant, verb: `action.${verb}`, subject: action_id })
  const body: Decision = { action_id, hash, verb, by: who.by, at: clock.nowUs(), nonce: newUid() }
  return signer.sign('decision', { ...body })
}

/** Box-wide lines belong to whoever sees every tenant of the box. */
function isWholeBox({ accounts }: KeysBox, scope: { has(uid: string): boolean }): boolean {
  return accounts.tenants().every(({ tenant_uid }) => scope.has(tenant_uid))
}

/** Drops what is absent, so that optional fields stay absent on the way. */
export function present<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept = Object.entries(value).filter(([, each]) => each !== undefined)
  return Object.fromEntries(kept) as { [K in keyof T]: Exclude<T[K], undefined> }
}
