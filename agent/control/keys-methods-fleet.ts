/** The fleet as people steer it: the box's own operator over cli.sock, an admin over the pages. */
import * as v from 'valibot'
import { Site } from './join-messages.ts'
import type { KeysBox } from './keys-box.ts'
import {
  fileFinish,
  fileRequest,
  joinFinish,
  joinRequest,
  leaveFinish,
  leaveRequest,
} from './keys-branch.ts'
import type { CliCalls, WebCalls } from './keys-client.ts'
import { makeClaim, revoke, setEdition } from './keys-fleet.ts'
import { joinsOf, mustFind } from './keys-fleet-views.ts'
import { acceptFile } from './keys-joining.ts'
import { mustSeeFleet } from './keys-methods-link.ts'
import { Count, type Handlers, Hex64, None, parse, Slug, Token, Uid } from './keys-params.ts'
import { authorize } from './keys-session.ts'

const CONSOLE = 'console'

export type FleetCliCalls = Pick<
  CliCalls,
  | 'fleetEdition'
  | 'fleetClaim'
  | 'fleetRevoke'
  | 'fleetJoins'
  | 'joinRequest'
  | 'joinFinish'
  | 'fileRequest'
  | 'fileAccept'
  | 'fileFinish'
  | 'leaveRequest'
  | 'leaveFinish'
>
type FleetWebCalls = Pick<WebCalls, 'joins' | 'fleetEdition' | 'fleetClaim' | 'fleetRevoke'>

const Edition = v.object({ on: v.boolean(), tenant_id: v.optional(Slug) })
const Claim = v.object({ tenant_id: v.nullish(Slug), site: v.nullish(Site) })
const Revoke = v.object({ tenant_id: Slug, epoch: v.optional(Count), sequence: v.optional(Count) })
const OfSite = { tenant_id: v.optional(Slug), site: v.optional(Site) }
const JoinAsk = v.object({
  ...OfSite,
  code: v.pipe(v.string(), v.maxLength(64)),
  exporter: Hex64,
})

export function fleetCliMethods(box: KeysBox): Handlers<FleetCliCalls> {
  return {
    fleetEdition: async (params) => {
      const { on, tenant_id } = parse(Edition, params)
      // Off needs no name: only one tenant of a box is the primary.
      const wanted = tenant_id ?? box.fleet.primary()?.tenant_id
      await setEdition(box, mustFind(box, wanted), on, CONSOLE)
      return { on }
    },
    fleetClaim: (params) => makeClaim(box, parse(Claim, params), CONSOLE),
    fleetRevoke: (params) => {
      revoke(box, parse(Revoke, params), CONSOLE)
      return { revoked: true }
    },
    fleetJoins: (params) => {
      parse(None, params)
      return joinsOf(box)
    },
    joinRequest: (params) => joinRequest(box, parse(JoinAsk, params), CONSOLE),
    joinFinish: (params) => {
      const shape = v.object({ join_id: Uid, reply: v.unknown() })
      return joinFinish(box, parse(shape, params), CONSOLE)
    },
    fileRequest: (params) => fileRequest(box, parse(v.object(OfSite), params), CONSOLE),
    fileAccept: (params) =>
      acceptFile(box, parse(v.object({ envelope: v.unknown() }), params).envelope, CONSOLE),
    fileFinish: (params) => {
      const fingerprint = v.optional(v.pipe(v.string(), v.maxLength(64)))
      return fileFinish(
        box,
        parse(v.object({ envelope: v.unknown(), fingerprint }), params),
        CONSOLE,
      )
    },
    leaveRequest: (params) =>
      leaveRequest(box, parse(v.object({ tenant_id: v.optional(Slug) }), params)),
    leaveFinish: (params) => {
      leaveFinish(box, parse(v.object({ uplink_id: Uid }), params).uplink_id, CONSOLE)
      return { left: true }
    },
  }
}

export function fleetWebMethods(box: KeysBox): Handlers<FleetWebCalls> {
  /** An admin whose scope holds the primary. */
  const admin = (token: string) => {
    const asker = authorize(box, token, 'settings')
    mustSeeFleet(box, asker)
    return asker.actor
  }
  return {
    joins: (params) => {
      admin(parse(v.object({ token: Token }), params).token)
      return joinsOf(box)
    },
    fleetEdition: async (params) => {
      const { token, on } = parse(v.object({ token: Token, on: v.boolean() }), params)
      const { actor, home } = authorize(box, token, 'settings')
      // Whose fleet there is already is no business of another tenant's admin.
      if (!on || box.fleet.primary()) admin(token)
      const wanted = on ? home.tenant_id : box.fleet.primary()?.tenant_id
      await setEdition(box, mustFind(box, wanted), on, actor)
      return { on }
    },
    fleetClaim: (params) => {
      const { token, ...wanted } = parse(v.object({ token: Token, ...Claim.entries }), params)
      return makeClaim(box, wanted, admin(token))
    },
    fleetRevoke: (params) => {
      const { token, tenant_id } = parse(v.object({ token: Token, tenant_id: Slug }), params)
      revoke(box, { tenant_id }, admin(token))
      return { revoked: true }
    },
  }
}
