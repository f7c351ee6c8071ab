/** What picket-link answers. A row of the fleet is shown only inside the scope that picket-keys reads from the session. */
import * as v from 'valibot'
import type { Clock } from '../base/clock.ts'
import { crossTenant, Failure } from '../base/failure.ts'
import { FleetPicture } from '../health/fleet-status.ts'
import type { FleetFinding, FleetView } from '../summary/fleet-view.ts'
import type { LinkKeys } from './link-keys.ts'
import type { FleetSide, LinkService } from './link-service.ts'
import type { Method, Methods } from './rpc.ts'

const SCOPE_MAX = 10_000
const FINDINGS_USUAL = 200
const FINDINGS_MAX = 1_000
/** Scopes whose picture is kept; a rarer one is made anew. */
const PICTURES_MAX = 16
const WORST = ['critical', 'high', 'medium', 'low']

const Scope = v.optional(
  v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.maxLength(SCOPE_MAX)),
)
const BySession = v.strictObject({
  token: v.pipe(v.string(), v.maxLength(128)),
  scope: Scope,
  brief: v.optional(v.boolean()),
  limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(FINDINGS_MAX))),
})
const OneTenant = v.strictObject({ tenant_id: v.pipe(v.string(), v.maxLength(64)) })
const OfTenant = v.strictObject({ tenant_id: v.optional(v.pipe(v.string(), v.maxLength(64))) })
const { brief, limit } = BySession.entries
const ByOperator = v.strictObject({ scope: Scope, brief, limit })

/** `undefined`: all there are. */
type Allowed = ReadonlySet<string> | undefined
type Asked = (params: unknown) => Promise<{ allowed: Allowed; brief: boolean; limit: number }>

export function linkMethods(
  service: LinkService,
  { keys, clock }: { keys: Pick<LinkKeys, 'fleetScope'>; clock: Clock },
): Record<'web' | 'cli', Methods> {
  const pictures = new Pictures(clock)
  const bySession: Asked = async (params) => {
    const { token, scope, brief = false, limit = FINDINGS_USUAL } = parse(BySession, params)
    const { tenant_ids } = await keys.fleetScope({ token })
    return { allowed: narrowed(new Set(tenant_ids), scope), brief, limit }
  }
  const byOperator: Asked = async (params) => {
    const { scope, brief = false, limit = FINDINGS_USUAL } = parse(ByOperator, params)
    return { allowed: scope && new Set(scope), brief, limit }
  }
  const table = (asked: Asked): Methods => ({
    fleet: async (params) => {
      const { allowed, brief } = await asked(params)
      const view = pictures.view(service.fleet(), allowed)
      return brief ? inBrief(view) : view
    },
    findings: async (params) => {
      const { allowed, limit } = await asked(params)
      return findingsOf(pictures.view(service.fleet(), allowed), limit)
    },
    uplinks: () => ({ uplinks: service.uplinks() }),
    subscribe: subscribe(service),
    reload: async () => {
      await service.reload()
      return { reloaded: true }
    },
  })
  const received: Method = (params) => {
    const { tenant_id } = parse(OfTenant, params)
    return { summaries: service.received(tenant_id) }
  }
  const evidence: Method = (params) => service.evidence(parse(OneTenant, params).tenant_id)
  return {
    web: table(bySession),
    cli: { ...table(byOperator), received, evidence, topics: () => service.topics() },
  }
}

/** One wanted that is not allowed refuses the whole, whether it exists or not. */
function narrowed(allowed: ReadonlySet<string>, scope: string[] | undefined): Allowed {
  if (!scope) return allowed
  if (scope.some((id) => !allowed.has(id))) throw crossTenant()
  return new Set(scope)
}

/** A picture a scope: its sentence and counts are of that scope alone. */
class Pictures {
  readonly #clock: Clock
  readonly #made = new Map<string, FleetPicture>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  view({ fleet_id, sites, rejected, fault }: FleetSide, allowed: Allowed): FleetView {
    const shown = allowed ? sites.filter(({ member }) => allowed.has(member.tenant_id)) : sites
    const key = shown.map(({ member }) => member.tenant_id).join(' ')
    const picture = this.#made.get(key) ?? new FleetPicture()
    this.#made.delete(key)
    this.#made.set(key, picture)
    for (const [oldest] of this.#made)
      if (this.#made.size > PICTURES_MAX) this.#made.delete(oldest)
      else break
    // What nobody could be blamed for is of no tenant; who sees a part does not see it.
    const unknown = shown.length === sites.length ? rejected : {}
    const now = this.#clock.nowUs()
    const view = picture.view({ fleet_id, sites: shown, rejected: unknown, now })
    if (fault === undefined) return view
    return { ...view, sentence: `This box takes no summary in: ${fault}. ${view.sentence}` }
  }
}

/** Ten thousand sites with their days and digests are over the bound of a frame: a page asks for its own rows. */
function inBrief(view: FleetView): FleetView {
  const sites = view.sites.map((site) => ({
    ...site,
    strip: [],
    digests: [],
    compliance: { ...site.compliance, failing: [], days: [] },
  }))
  return { ...view, sites }
}

function findingsOf(
  { sites }: FleetView,
  limit: number,
): { findings: FleetFinding[]; leftOut: number } {
  const all = sites.flatMap(({ tenant_id, site, digests }) =>
    digests.map((digest) => ({ ...digest, tenant_id, site })),
  )
  all.sort((a, b) => WORST.indexOf(a.severity) - WORST.indexOf(b.severity) || b.last - a.last)
  const notSent = sites.reduce((sum, { digestsLeftOut }) => sum + digestsLeftOut, 0)
  return { findings: all.slice(0, limit), leftOut: notSent + Math.max(0, all.length - limit) }
}

function subscribe(service: LinkService): Method {
  return (_params, peer) => {
    peer.onClose(service.onChange((tenant_ids) => void peer.push('fleet', tenant_ids)))
    return {}
  }
}

function parse<S extends v.GenericSchema>(schema: S, params: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, params)
  if (result.success) return result.output
  throw new Failure(
    'invalid',
    `The question to picket-link is not valid: ${result.issues[0].message}.`,
  )
}
