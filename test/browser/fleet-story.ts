/**
 * One Monday of a fleet of eight, one site in each state that a site can be in: Cape Town writes set-points,
 * Sydney's compliance fell, Oslo is blind, Durban's uplink is cut and filling back, Perth's rules are old, Lagos
 * contradicts itself, Nairobi was never heard, London found nothing. Everything is made from the story's moment.
 */
import { crossTenant, Failure } from '../../agent/base/failure.ts'
import { type FleetTopic, fleetSentence } from '../../agent/health/fleet-sentence.ts'
import { grouped, plural } from '../../agent/health/sentence.ts'
import type {
  Asker,
  Fleet,
  FleetFinding,
  FleetJoins,
  FleetSite,
  FleetView,
  StripStep,
} from '../../web/base/ports.ts'
import { DAY, HOUR, MIN, NOW_US } from './story/scene.ts'

const STEP = 30 * MIN
const FIRST = Math.ceil((NOW_US - DAY) / STEP) * STEP
const NONE = { low: 0, medium: 0, high: 0, critical: 0 }

/** 48 half hours, all seen, a self-test found each hour; `more` changes some of them. */
function strip(more: (at: number, n: number) => Partial<StripStep> = () => ({})): StripStep[] {
  return Array.from({ length: 48 }, (_, n) => {
    const at = FIRST + n * STEP
    const told = Math.min(1800, (NOW_US - at) / 1e6 - 60)
    return {
      ...{ at, worst: null, counts: NONE, told, blind: 0, dropped: 0 },
      ...{ selfTests: n % 2, selfTestsFailed: 0 },
      ...more(at, n),
    }
  })
}

/** 30 days of a score, with the turns that are named as days before now. */
function days(start: number, turns: Readonly<Record<number, number>> = {}) {
  let score = start
  return Array.from({ length: 30 }, (_, n) => {
    score = turns[29 - n] ?? score
    return { at: NOW_US - (29 - n) * DAY - 10 * MIN, score }
  })
}

type Failing = FleetSite['compliance']['failing'][number]

function failing(
  id: string,
  sentence: string,
  weight: number,
  evidence: string,
  unknown = false,
): Failing {
  return { id, sentence, weight, evidence, unknown }
}

const RETENTION = failing(
  'ret-1',
  'Rows are kept for 180 days.',
  3,
  'the oldest row is of 16 Aug 2026: 99 days',
)

function site(tenant_id: string, name: string, more: Partial<FleetSite>): FleetSite {
  return {
    ...{ tenant_id, fleet_id: 'acme', appliance_id: 'c3'.repeat(16), site: name, primary: false },
    ...{ state: 'quiet', says: 'nothing found; all traffic seen' },
    basis: [
      'from its signed summary of 11:55',
      '288 of 288 summaries in 24 h',
      'self-test found 11:31',
    ],
    joinedAt: NOW_US - 61 * DAY,
    ...{ summaryTo: NOW_US - MIN, receivedAt: NOW_US - MIN + 4e5 },
    ...{ epoch: 1, sequence: 17_568, wholeUpTo: 17_568, periodSeconds: 300 },
    ...{ gaps: [], forks: 0, rejected: {}, alarms: [], strip: strip(), findings24h: NONE },
    ...{ digests: [], digestsLeftOut: 0, waitingActions: 0, activeActions: 0 },
    ...{ frames24h: 2.61e9, dropped24h: 0, blindSeconds24h: 0 },
    ...{ rulesAgeSeconds: 4 * 3600, rulesLoaded: 412, clockOffsetMs: 0.4 },
    diskFullAt: Date.UTC(2027, 2, 11) * 1000,
    ...{ oldestRow: NOW_US - 99 * DAY, lakeRows: 41_203_118, version: '0.9.0' },
    compliance: { score: 97, controls: 24, failing: [RETENTION], days: days(97), before: 97 },
    certificate: { notAfter: NOW_US + 64 * DAY, revoked: false },
    ...{ uplinkBytes24h: 288 * 8192, summaries24h: 288 },
    ...more,
  }
}

type Digest = FleetSite['digests'][number]

function digest(
  id: string,
  severity: Digest['severity'],
  title: string,
  last: number,
  more: Partial<Digest> = {},
): Digest {
  return {
    ...{ id, rule_id: `base:${id}`, title, severity, host: null, attack_ids: [] },
    ...{ first: last - 6 * MIN, last, count: 1, state: 'open' },
    ...more,
  }
}

const WRITES = NOW_US - 14 * MIN
const WRITTEN =
  '214 Modbus writes to PLC-2 (function 16, unit 1) from 10.40.7.23, a station never seen writing to it, in 6 min 21 s'

const capeTown = site('acme-cpt', 'Cape Town', {
  state: 'findings',
  says: `${WRITTEN}; 3 findings in 24 h, worst critical; 3 actions wait for you; 1 block in force; 538 frames of 1,790,000,000 lost in 24 h`,
  findings24h: { ...NONE, critical: 1, high: 1, medium: 1 },
  digests: [
    digest('w', 'critical', `${WRITTEN}. Its usual station: 10.40.2.5.`, WRITES, {
      host: 'PLC-2',
      attack_ids: ['T0836', 'T0848'],
      count: 214,
      state: 'proposed',
    }),
    digest(
      's',
      'high',
      '10.40.7.23 tried 31 addresses on tcp/502 in 92 s; 4 answered',
      WRITES - 9 * MIN,
      { host: '10.40.7.23', attack_ids: ['T0846'], state: 'proposed' },
    ),
    digest('d', 'medium', 'New device on the control network: ENG-LT-07', WRITES - 11 * MIN, {
      host: 'ENG-LT-07',
      attack_ids: ['T0864'],
      state: 'proposed',
    }),
  ],
  ...{ waitingActions: 3, activeActions: 1, frames24h: 1.79e9, dropped24h: 538 },
  strip: strip((_, n) =>
    n === 46
      ? { worst: 'high', counts: { ...NONE, high: 1, medium: 1 } }
      : n === 47
        ? { worst: 'critical', counts: { ...NONE, critical: 1 } }
        : n === 20
          ? { dropped: 538 }
          : {},
  ),
  rulesAgeSeconds: 6 * 3600,
  compliance: {
    ...{ score: 92, controls: 24, before: 91, days: days(91, { 18: 90, 14: 91, 0: 92 }) },
    failing: [
      failing(
        'seg-2',
        'An engineering laptop reaches controllers without passing the jump host.',
        5,
        '1 flow 10.40.7.23 to 10.40.2.11, tcp/502, 11:36',
      ),
      failing(
        'bak-1',
        'Controller programs are read back each week.',
        3,
        'no program upload was seen in 30 days, and nothing says that there should have been',
        true,
      ),
    ],
  },
})

const sydney = site('acme-syd', 'Sydney', {
  state: 'findings',
  says: 'Printer 10.60.3.18 answers telnet; 2 findings in 24 h, worst medium; compliance fell from 94 to 88: 2 hosts answer telnet: 10.60.3.40, 10.60.3.18; all traffic seen',
  basis: [
    'from its signed summary of 11:55',
    '288 of 288 summaries in 24 h, 15 of them back-filled',
    'self-test found 11:31',
  ],
  findings24h: { ...NONE, medium: 2, low: 1 },
  digests: [
    digest('t1', 'medium', 'Badge reader 10.60.3.40 answers telnet', NOW_US - 8 * HOUR - 44 * MIN, {
      host: '10.60.3.40',
      attack_ids: ['T1021'],
    }),
    digest('t2', 'medium', 'Printer 10.60.3.18 answers telnet', NOW_US - 8 * HOUR - 43 * MIN, {
      host: '10.60.3.18',
      attack_ids: ['T1021'],
      count: 2,
    }),
    // Hostile on purpose: bidi, markup, a formula.
    digest(
      'u',
      'low',
      'Odd user agent \u202e<script>alert(1)</script> =cmd()',
      NOW_US - 13 * HOUR,
      { host: 'kiosk-3', attack_ids: ['T1071.001'], count: 14 },
    ),
  ],
  frames24h: 0.92e9,
  strip: strip((_, n) =>
    n === 21
      ? { worst: 'low', counts: { ...NONE, low: 1 } }
      : n === 30
        ? { worst: 'medium', counts: { ...NONE, medium: 2 } }
        : {},
  ),
  ...{ rulesAgeSeconds: 5 * 3600, diskFullAt: Date.UTC(2027, 5, 2) * 1000 },
  compliance: {
    ...{ score: 88, controls: 24, before: 94, days: days(93, { 21: 94, 0: 88 }) },
    failing: [
      failing(
        'adm-7',
        'Devices are administered over encrypted connections only.',
        6,
        '2 hosts answer telnet: 10.60.3.40, 10.60.3.18',
      ),
      failing(
        'dns-1',
        'Names are resolved by the site’s own resolvers only.',
        4,
        '14 queries to 8.8.8.8 in 24 h, one host',
      ),
      failing(
        'log-2',
        'Every host that answers on a server port is known.',
        2,
        'the list of known hosts could not be read',
        true,
      ),
    ],
  },
})

const BLIND = Date.UTC(2026, 10, 23, 3, 10) * 1000

const oslo = site('acme-osl', 'Oslo', {
  state: 'blind',
  says: 'blind since 03:10 UTC: no frame on 1 of 1 capture port',
  basis: [
    'from its signed summary of 11:55',
    '288 of 288 summaries in 24 h',
    'no self-test found since 03:10',
  ],
  frames24h: 0.61e9,
  blindSeconds24h: (NOW_US - BLIND) / 1e6,
  strip: strip((at) => {
    const blind = Math.max(
      0,
      Math.min(1800, (Math.min(NOW_US - MIN, at + STEP) - Math.max(at, BLIND)) / 1e6),
    )
    return {
      blind,
      selfTests: blind > 0 ? 1 : 0,
      selfTestsFailed: blind > 0 && at % HOUR === 0 ? 1 : 0,
    }
  }),
  compliance: {
    score: 96,
    controls: 24,
    failing: [
      failing(
        'see-1',
        'Every captured port saw frames in the last hour.',
        4,
        'mirror0: none since 03:10',
      ),
    ],
    days: days(96),
    before: 96,
  },
})

const CUT = NOW_US - 5 * HOUR - 20 * MIN

const durban = site('acme-dur', 'Durban', {
  state: 'cut-off',
  says: 'cut off: nothing heard for 16 min; last it said: nothing found, 43 summaries still to be back-filled, missing for 5 h',
  basis: [
    'last heard 11:40 with what was written then',
    '224 of 288 summaries in 24 h',
    'the site still holds what is missing',
  ],
  ...{ summaryTo: NOW_US - 16 * MIN, sequence: 4_402, wholeUpTo: 4_338, summaries24h: 224 },
  gaps: [{ epoch: 1, first: 4_339, last: 4_381, since: CUT + 10 * MIN, held: true }],
  strip: strip((at) => (at > CUT && at < NOW_US - 2 * HOUR ? { told: 0, selfTests: 0 } : {})),
  frames24h: 0.2e9,
  compliance: {
    score: 95,
    controls: 24,
    failing: [
      failing(
        'mfa-2',
        'Nobody signs in to the box over plain HTTP.',
        5,
        '3 of 41 sign-ins in 30 days',
      ),
    ],
    days: days(95, { 9: 93, 6: 95 }).filter((_, n) => n < 12 || n > 15),
    before: 95,
  },
})

const perth = site('acme-per', 'Perth', {
  state: 'stale',
  says: 'stale: rules are 41 d old; nothing found; all traffic seen',
  rulesAgeSeconds: 41 * 86_400,
  ...{ version: '0.8.4', clockOffsetMs: -1840, frames24h: 88e6 },
  compliance: {
    score: 90,
    controls: 24,
    before: 90,
    days: days(95, { 11: 90 }),
    failing: [
      failing(
        'upd-1',
        'Detection content is at most 30 days old.',
        10,
        'the newest rule is of 13 Oct 2026',
      ),
    ],
  },
  certificate: { notAfter: NOW_US + 12 * DAY, revoked: false },
})

const lagos = site('acme-los', 'Lagos', {
  state: 'equivocating',
  says: 'contradicts itself: 1 summary differs from what it sent before, its catalog generation went from 41 to 12; nothing found; 3 summaries lost for good',
  basis: [
    'both summaries are kept',
    'its catalog went back from generation 41 to 12',
    '2 epochs in 24 h',
  ],
  ...{ epoch: 3, sequence: 902, wholeUpTo: 902, forks: 1 },
  rejected: { forked: 1, replayed: 14, forged: 2 },
  alarms: [{ at: NOW_US - 47 * MIN, sentence: 'catalog generation went from 41 to 12' }],
  gaps: [{ epoch: 2, first: 688, last: 690, since: NOW_US - 7 * HOUR, held: false }],
  compliance: { score: null, controls: 0, failing: [], days: [], before: null },
  ...{ diskFullAt: null, findings24h: NONE, frames24h: 40e6 },
})

const nairobi = site('acme-nbo', 'Nairobi', {
  state: 'unheard',
  says: 'joined 7 min ago and has not been heard yet',
  basis: ['joined 11:49 by claim code', 'its first summary is due by 11:59'],
  joinedAt: NOW_US - 7 * MIN,
  ...{ summaryTo: null, receivedAt: null, epoch: 0, sequence: 0, wholeUpTo: 0, strip: [] },
  ...{
    frames24h: 0,
    rulesAgeSeconds: null,
    rulesLoaded: null,
    clockOffsetMs: null,
    diskFullAt: null,
  },
  ...{ oldestRow: null, lakeRows: null, version: null, uplinkBytes24h: 0, summaries24h: 0 },
  compliance: { score: null, controls: 0, failing: [], days: [], before: null },
  certificate: { notAfter: NOW_US + 90 * DAY, revoked: false },
})

export const LONDON = 'acme-lon'
const london = site(LONDON, 'London', { primary: true })
export const EIGHT: readonly FleetSite[] = [
  london,
  capeTown,
  sydney,
  oslo,
  durban,
  perth,
  lagos,
  nairobi,
]
export const THREE: readonly FleetSite[] = [london, capeTown, sydney]

/** Many sites of every kind, told apart by their names. */
export function manySites(count: number): FleetSite[] {
  return Array.from({ length: count }, (_, n) => {
    const kind = n % 97 < 90 ? london : (EIGHT[(n % 7) + 1] ?? london)
    const tenant_id = `site-${n.toString(36).padStart(5, '0')}`
    return {
      ...kind,
      tenant_id,
      site: `Branch ${String(n + 1).padStart(5, '0')}`,
      primary: n === 0,
    }
  })
}

function topicOf({ state, waitingActions, compliance }: FleetSite): FleetTopic {
  if (state !== 'findings') return state
  if (waitingActions > 0) return 'decision'
  return (compliance.score ?? 0) < (compliance.before ?? 0) ? 'fell' : 'findings'
}

export function fleetView(sites: readonly FleetSite[]): FleetView {
  const sum = (of: (site: FleetSite) => number) => sites.reduce((all, each) => all + of(each), 0)
  const heard = sites.filter(({ summaryTo }) => summaryTo !== null)
  return {
    fleet_id: 'acme',
    sentence: fleetSentence(sites.map((each) => ({ site: each.site, topic: topicOf(each) }))),
    basis: [
      `${grouped(heard.length)} of ${plural(sites.length, 'site')} heard, each by its newest signed summary`,
      `${grouped(sum(({ summaries24h }) => summaries24h))} summaries received in 24 h`,
      `${grouped(sum(({ frames24h }) => frames24h))} frames in 24 h, ${grouped(sum(({ dropped24h }) => dropped24h))} dropped`,
    ],
    sites: [...sites],
    rejected: sites.length > 3 ? { 'not-sealed': 3 } : {},
    at: NOW_US,
  }
}

function brief(site: FleetSite): FleetSite {
  return {
    ...site,
    strip: [],
    digests: [],
    compliance: { ...site.compliance, days: [], failing: [] },
  }
}

const views = new WeakMap<readonly FleetSite[], FleetView>()

/** Made once for the same sites: a page of ten thousand is measured, not the story. */
function viewOf(sites: readonly FleetSite[]): FleetView {
  const known = views.get(sites)
  if (known) return known
  const made = fleetView(sites.map(brief))
  views.set(sites, made)
  return made
}

export const CLAIM_CODE = 'MK4T-9PQX-2RWD'
const FINGERPRINT =
  'SHA256 7c:19:5e:d0:44:ab:0f:62:91:33:c8:1d:aa:5b:70:e2:16:8f:4d:09:be:27:63:f1:50:9c:e8:3a:d4:72:0b:95'

/** The fleet as object literals; null while Fleet Command is off. `done` notes what was asked of it. */
export interface FleetStory extends Fleet {
  sites: readonly FleetSite[] | null
  done: string[]
}

export function fleetStory(sites: readonly FleetSite[] | null): FleetStory {
  const present = ({ scope }: Pick<Asker, 'scope'>) => {
    const all = story.sites
    if (!all) throw new Failure('not-found', 'Fleet Command is off on this box.')
    if (scope.some((each) => !all.some(({ tenant_id }) => tenant_id === each))) throw crossTenant()
    return scope.length === 0 ? all : all.filter(({ tenant_id }) => scope.includes(tenant_id))
  }
  const story: FleetStory = {
    sites,
    done: [],
    on: async () => story.sites !== null,
    view: async (asker) => viewOf(present(asker)),
    whole: async (_, tenant_ids) => [...present({ scope: tenant_ids })],
    findings: async (asker, limit) => {
      const own = present(asker)
      const all: FleetFinding[] = own.flatMap(({ tenant_id, site: name, digests }) =>
        digests.map((each) => ({ ...each, tenant_id, site: name })),
      )
      const left = own.reduce((sum, each) => sum + each.digestsLeftOut, 0)
      return { findings: all.slice(0, limit), leftOut: left + Math.max(0, all.length - limit) }
    },
    joins: async () => joinsOf(story.sites ?? []),
    claim: async (_, { tenant_id, site: name }) => {
      if (tenant_id === LONDON) throw new Failure('conflict', `${tenant_id} has joined already.`)
      story.done.push(`claim ${tenant_id} ${name}`)
      return {
        code: CLAIM_CODE,
        endsAt: NOW_US + 10 * MIN,
        door: { host: 'fleet.acme.example', port: 8884, fingerprint: FINGERPRINT },
      }
    },
    revoke: async (_, tenant_id) => {
      present({ scope: [tenant_id] })
      story.done.push(`revoke ${tenant_id}`)
    },
    edition: async (_, on) => {
      story.done.push(`edition ${on}`)
      story.sites = on ? EIGHT : null
    },
  }
  return story
}

function joinsOf(sites: readonly FleetSite[]): FleetJoins {
  const members = sites.map(
    ({ tenant_id, site: name, appliance_id, joinedAt, primary, certificate }) => ({
      ...{ tenant_id, site: name, appliance_id, joinedAt, primary, revokedAt: null },
      certificateNotAfter: certificate.notAfter,
    }),
  )
  const gone = {
    tenant_id: 'acme-hkg',
    site: 'Hong Kong',
    appliance_id: 'd4'.repeat(16),
    joinedAt: NOW_US - 200 * DAY,
    revokedAt: NOW_US - 3 * HOUR,
    certificateNotAfter: NOW_US + 20 * DAY,
    primary: false,
  }
  return {
    fleet_id: 'acme',
    door: { host: 'fleet.acme.example', port: 8884, fingerprint: FINGERPRINT },
    claims: [
      {
        claim_id: 'c1',
        tenant_id: 'acme-bom',
        site: 'Mumbai',
        endsAt: NOW_US + 6 * MIN + 12e6,
        triesLeft: 4,
      },
    ],
    members: [...members, gone],
  }
}
