/** Attempts on the layer `summary`: what somebody on the way, or a member that was taken over, would have a receiver believe. */
import { createPublicKey, generateKeyPairSync, randomInt } from 'node:crypto'
import * as v from 'valibot'
import { expect } from 'vitest'
import { canonical, type Json } from '../../agent/base/canonical.ts'
import { type Envelope, type SignedType, signJson } from '../../agent/base/signing.ts'
import { pointOf, seal, sharedSecret, unseal } from '../../agent/summary/seal.ts'
import { EnvelopeShape, type Summary, type VerifiedSummary } from '../../agent/summary/summary.ts'
import {
  bodyHash,
  type Speaker,
  speaker,
  verifyAck,
  verifyLastWill,
} from '../../agent/summary/verify.ts'
import { fleetStory } from '../browser/fleet-story.ts'
import { client } from '../browser/story/client.ts'
import { createStory } from '../browser/story.ts'
import { calmSummary, NOON_US } from '../traffic/summary-source.ts'
import { type WatchedSite, watchedSite } from '../traffic/watched-site.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import { canary } from './canary.ts'
import {
  believed,
  CANONICAL,
  fold,
  NAMES,
  ORDER,
  RANGE,
  SCHEMA,
  SIGNATURE,
  scalarOf,
  signText,
  unsealUnchecked,
  view,
  withScalar,
} from './loose-receiver.ts'

const FLIPS = 1000
const MOST = Number.MAX_SAFE_INTEGER
const NONE = { low: 0, medium: 0, high: 0, critical: 0 }
const from = ({ source }: WatchedSite): Speaker => speaker(source.member)
const alfaSite = () => watchedSite('alfa', 'Alfa')
const zuluSite = () => watchedSite('zulu', 'Zulu')

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const at = randomInt(copy.length)
  copy[at] = (copy[at] as number) ^ (1 << randomInt(8))
  return copy
}

/** A thousand times one bit: what came of each, and which were believed with another content. */
function flips(run: Run, site: WatchedSite, open: (good: VerifiedSummary) => () => unknown): void {
  const good = site.source.next()
  fold(site, good)
  const next = open(good)
  const verdicts: Record<string, number> = {}
  for (let i = 0; i < FLIPS; i++) {
    const read = v.safeParse(EnvelopeShape, next())
    const told = read.success ? believed(run, read.output, { from: from(site) }) : 'malformed'
    const changed = typeof told !== 'string' && told.envelope.body !== good.envelope.body
    const verdict = changed ? 'believed' : fold(site, told)
    verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
  }
  run.saw('the verdicts', verdicts)
  if (verdicts.believed)
    run.harm(`${verdicts.believed} of ${FLIPS} changed summaries were believed`)
  if (site.fold.newest?.hash !== good.hash) run.harm('the last good state is gone')
}

attempt('summary-01', {
  by: 'opened',
  layers: [SIGNATURE],
  try: async (run) =>
    flips(run, alfaSite(), ({ envelope }) => {
      const bytes = Buffer.from(JSON.stringify(envelope))
      return () => {
        try {
          return JSON.parse(flipped(bytes).toString())
        } catch {
          return undefined
        }
      }
    }),
})

const SEAL: Layer = { name: 'the tag of the seal', shows: /"malformed":1000/ }
attempt('summary-01', {
  by: 'sealed',
  layers: [SEAL, SIGNATURE],
  try: async (run) =>
    flips(run, alfaSite(), ({ envelope }) => {
      const { publicKey, privateKey } = generateKeyPairSync('x25519')
      const [topic, receiverKey] = ['p/v1/x', pointOf(publicKey)]
      const payload = seal(envelope, { receiverKey, topic })
      return () => {
        const bytes = flipped(payload)
        const shared = sharedSecret(privateKey, bytes.subarray(4, 36))
        if (!shared) return undefined
        const opening = { shared, receiverKey, topic }
        return run.without(SEAL) ? unsealUnchecked(bytes, opening) : unseal(bytes, opening)
      }
    }),
})

const SEEN: Layer = { name: 'the sequences that were seen', shows: /replayed/ }
attempt('summary-02', {
  layers: [SEEN],
  try: async (run) => {
    const site = alfaSite()
    const told = site.source.next({ findings: { ...NONE, critical: 3 } })
    fold(site, told)
    const sums = () => JSON.stringify(site.fold.strip.sums(NOON_US))
    const before = sums()
    if (run.without(SEEN)) site.fold.strip.add(told.summary, { at: NOON_US, bytes: 1 })
    else run.saw('the verdict', fold(site, told))
    run.saw('the sums of the day', sums())
    if (sums() !== before) run.harm('a summary that came twice was counted twice')
  },
})

const CHAIN: Layer = { name: 'the hash of the one before', shows: /contradicts itself/ }
/** A receiver that looks at no hash of the one before. */
const unchained = (run: Run, site: WatchedSite, told: VerifiedSummary): VerifiedSummary =>
  run.without(CHAIN)
    ? { ...told, summary: { ...told.summary, previous: site.fold.newest?.hash ?? '' } }
    : told
attempt('summary-03', {
  by: 'the one after it gets its number',
  layers: [SIGNATURE, CHAIN],
  try: async (run) => {
    const site = alfaSite()
    for (let i = 0; i < 2; i++) fold(site, site.source.next())
    site.source.next() // is dropped
    const { envelope } = site.source.next()
    const body = envelope.body.replace('"sequence":4', '"sequence":3')
    const told = believed(run, { ...envelope, body }, { from: from(site) })
    const verdict = fold(site, typeof told === 'string' ? told : unchained(run, site, told))
    const [row] = view([site]).sites
    run.saw('the verdict and the row', verdict, row?.says)
    if (verdict === 'accepted' && row?.state === 'quiet') run.harm('nothing shows that one is gone')
  },
})

const GAPS: Layer = { name: 'the gaps that are shown', shows: /still to be back-filled/ }
attempt('summary-03', {
  by: 'it is dropped',
  layers: [GAPS],
  try: async (run) => {
    const site = alfaSite()
    for (let i = 0; i < 2; i++) fold(site, site.source.next())
    const dropped = site.source.next()
    const told = site.source.next()
    // A receiver that takes what comes as the next.
    const next = { sequence: 3, previous: site.fold.newest?.hash ?? '' }
    fold(site, run.without(GAPS) ? { ...told, summary: { ...told.summary, ...next } } : told)
    const [row] = view([site]).sites
    run.saw('the row', row?.says)
    if (row?.says === 'nothing found; all traffic seen') run.harm('nothing shows that one is gone')
    if (run.off.size > 0) return
    fold(site, dropped)
    expect(view([site]).sites[0]?.says).toBe('nothing found; all traffic seen')
  },
})

/** Something that a reader of the fleet's page would see. */
const lie = canary('a finding of the attacker')
const told = (title = `${lie.text} at zulu`): Partial<Summary> => ({
  findings_24h: { ...NONE, critical: 1 },
  digests: [
    {
      ...{ id: '1', rule_id: 'r', title, severity: 'critical', host: null, attack_ids: [] },
      ...{ first: 0, last: NOON_US, count: 1, state: 'open' },
    },
  ],
})

attempt('summary-04', {
  by: 'under its own name on the way',
  layers: [NAMES],
  secrets: () => [lie],
  try: async (run) => {
    const [alfa, zulu] = [alfaSite(), zuluSite()]
    fold(zulu, zulu.source.next())
    for (const name of ['tenant_id', 'tenant_uid', 'appliance_id', 'fleet_id'] as const) {
      const change = {
        ...told(),
        [name]: name === 'fleet_id' ? 'globex' : zulu.source.member[name],
      }
      const verdict = believed(run, alfa.source.make({ sequence: 2, ...change }).envelope, { from: from(alfa) }) // biome-ignore format: one line
      run.saw('the verdict', typeof verdict === 'string' ? verdict : 'believed')
      if (typeof verdict === 'string') continue
      // Where nobody looks whose key it is, it is filed under the name that it gives.
      const { tenant_uid } = verdict.summary
      fold(tenant_uid === zulu.source.member.tenant_uid ? zulu : alfa, verdict)
    }
    run.saw('the row of zulu', view([zulu]).sites)
  },
})

const KEY: Layer = { name: 'the key of whom the topic names', shows: /forged/ }
attempt('summary-04', {
  by: 'on the topic of another',
  layers: [KEY],
  secrets: () => [lie],
  try: async (run) => {
    const [alfa, zulu] = [alfaSite(), zuluSite()]
    const { member } = zulu.source
    const { tenant_id, tenant_uid, appliance_id } = member
    const { envelope } = alfa.source.make({
      ...told(),
      sequence: 1,
      tenant_id,
      tenant_uid,
      appliance_id,
    })
    const known = new Map([...from(zulu).known, ...(run.without(KEY) ? from(alfa).known : [])])
    const verdict = fold(zulu, believed(run, envelope, { from: { ...from(zulu), known } }))
    run.saw('the verdict', verdict)
    run.saw('the row of zulu', view([zulu]).sites)
  },
  holds: (run) => expect(run.text).toContain('has not been heard yet'),
})

const TYPE: Layer = { name: 'the type in what is signed', shows: /forged/ }
attempt('summary-05', {
  layers: [TYPE],
  secrets: () => [lie],
  try: async (run) => {
    const zulu = zuluSite()
    for (const type of ['checkpoint', 'lease', 'ack', 'settings'] as const satisfies SignedType[]) {
      const { summary } = zulu.source.next(told())
      const signed = signJson(zulu.source.privateKey, type, summary as unknown as Json)
      const signedAs = run.without(TYPE) ? type : 'summary'
      const envelope: Envelope = { ...signed, type: 'summary' }
      run.saw('the verdict', fold(zulu, believed(run, envelope, { from: from(zulu), signedAs })))
    }
    run.saw('the row of zulu', view([zulu]).sites)
  },
  holds: () => {
    const zulu = zuluSite()
    const { envelope } = zulu.source.next()
    const receiver = { appliance_id: zulu.source.member.appliance_id, known: from(zulu).known }
    for (const type of ['ack', 'summary'] as const)
      expect(verifyAck({ ...envelope, type }, { receiver, sender: zulu.source.member })).toBe(
        'forged',
      )
  },
})

const TRICKS: Record<string, (body: string) => string> = {
  'a member twice': (body) => body.replace('"sentence":', '"sentence":"All is well.","sentence":'),
  '-0': (body) => body.replace('"dropped":0', '"dropped":-0'),
  'white space': (body) => body.replace('{', '{ '),
  'members in another order': (body) => body.replace(/^\{("actions":\{[^}]*\}),(.*)\}$/, '{$2,$1}'),
  __proto__: (body) => body.replace('{', '{"__proto__":{"polluted":1},'),
  '1e400': (body) => body.replace('"uptime_seconds":100000', '"uptime_seconds":1e400'),
  'a lone surrogate': (body) => body.replace('"sentence":"', '"sentence":"\\ud800'),
  'above 2^53': (body) =>
    body.replace('"uptime_seconds":100000', '"uptime_seconds":9007199254740993'),
  '10,000 levels': (body) => body.replace('{', `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)},`),
}
attempt('summary-06', {
  layers: [CANONICAL],
  try: async (run) => {
    const site = alfaSite()
    const { privateKey } = site.source
    for (const [name, trick] of Object.entries(TRICKS)) {
      const body = canonical(site.source.next().summary as unknown as Json)
      const envelope = signText(privateKey, createPublicKey(privateKey), trick(body))
      expect(envelope.body, name).not.toBe(body)
      const verdict = await run.does(name, () => fold(site, believed(run, envelope, { from: from(site) }))) // biome-ignore format: one line
      if (verdict === 'accepted') run.harm(`${name} was believed`)
    }
  },
  holds: (run) => {
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
    expect(run.text.match(/malformed/g)).toHaveLength(Object.keys(TRICKS).length)
  },
})

const IDENTITY: Layer = { name: 'the hash of the body as its identity', shows: /replayed/ }
attempt('summary-07', {
  layers: [RANGE, IDENTITY],
  try: async (run) => {
    const site = alfaSite()
    const good = site.source.next()
    fold(site, good)
    const { envelope } = good
    const signature = withScalar(envelope.signature, scalarOf(envelope.signature) + ORDER).toString('base64') // biome-ignore format: one line
    const again = believed(run, { ...envelope, signature }, { from: from(site) })
    const whole = bodyHash(JSON.stringify({ ...envelope, signature }))
    const taken = typeof again !== 'string' && run.without(IDENTITY) ? { ...again, hash: whole } : again // biome-ignore format: one line
    run.saw('the verdict', fold(site, taken))
    if (view([site]).sites[0]?.state !== 'quiet') run.harm('an honest site is shown to contradict itself') // biome-ignore format: one line
  },
})

const calm = calmSummary(NOON_US)
const IMPOSSIBLE: Record<string, Partial<Summary>> = {
  'frames without end': { capture: { ...calm.capture, seen: MOST, processed: MOST } },
  'drops that do not add up': { capture: { ...calm.capture, dropped: 5 } },
  'negative drops': { capture: { ...calm.capture, dropped: -5, seen: 995 } },
  'findings without end': { findings: { ...NONE, critical: MOST } },
  '400 days': { window: { from: NOON_US - 400 * 86_400e6, to: NOON_US, period_seconds: 300 } },
  'a score of 1000': { compliance: { score: 1000, controls: 16, failing: [] } },
}
for (const [by, change] of Object.entries(IMPOSSIBLE))
  attempt('summary-08', {
    by,
    layers: [SCHEMA],
    try: async (run) => {
      const [good, liar] = [watchedSite('london', 'London'), alfaSite()]
      for (const site of [good, liar]) fold(site, site.source.next())
      const shown = () => {
        const { basis, sites } = view([good, liar])
        return JSON.stringify([basis, sites.map(({ strip, compliance }) => [strip, compliance.score])]) // biome-ignore format: one line
      }
      const before = shown()
      const { envelope } = liar.source.next(change)
      const verdict = await run.does('the verdict', () => fold(liar, believed(run, envelope, { from: from(liar) }))) // biome-ignore format: one line
      if (verdict === 'accepted' && shown() !== before) run.harm('the sums of the fleet moved')
    },
  })

const STARTS: Layer = {
  name: 'starts held against what was seen',
  shows: /its machine started \d+ times in 24 h, and it says that it looked all the while/,
}
attempt('summary-09', {
  layers: [STARTS],
  try: async (run) => {
    const site = alfaSite()
    // Without it: a receiver that does not look at how long the machine is up.
    const health = { ...calm.health, uptime_seconds: run.without(STARTS) ? 1e6 : 20 }
    for (let i = 0; i < 6; i++) fold(site, site.source.next({ health }))
    const [row] = view([site]).sites
    run.saw('the row', row?.says)
    if (row?.state === 'quiet')
      run.harm('a site whose machine starts in each window is shown as quiet')
  },
  holds: () => {
    const honest = alfaSite()
    const capture = { ...calm.capture, blind_seconds: 40 }
    const health = { ...calm.health, uptime_seconds: 20 }
    for (let i = 0; i < 6; i++) fold(honest, honest.source.next({ health, capture }))
    expect(view([honest]).sites[0]?.says).not.toMatch(/contradicts/)
  },
})

const HASHES: Layer = { name: 'the hash of each sequence', shows: /contradicts itself/ }
attempt('summary-10', {
  layers: [HASHES],
  try: async (run) => {
    const site = alfaSite()
    const first = site.source.next()
    fold(site, first)
    const clone = site.source.make({ sentence: 'Alfa: another history.' })
    // A receiver that knows of a sequence only that it came.
    const verdict = fold(site, run.without(HASHES) ? { ...clone, hash: first.hash } : clone)
    const [row] = view([site]).sites
    run.saw('the verdict and the row', verdict, row?.says)
    if (row?.state !== 'equivocating') run.harm('two who sign with one key look like one')
    if (run.off.size === 0) expect(site.fold.forks).toMatchObject([{ sequence: 1, why: 'twice' }])
  },
})

const MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
const ENCODER: Layer = {
  name: 'the encoder of HTML',
  shows: /&lt;script&gt;alert|\[U\+202E\]|202e/i,
}
async function page(run: Run, change: Partial<Summary>): Promise<string> {
  const [good, liar] = [watchedSite('london', 'London'), watchedSite('cape-town', 'Cape Town')]
  fold(good, good.source.next())
  const verdict = fold(liar, believed(run, liar.source.next(change).envelope, { from: from(liar) }))
  const { sites } = view([good, liar])
  const story = createStory()
  story.ports.fleet = fleetStory(sites)
  const reply = await client('admin', {}, story).get('/fleet')
  // Without it: the same words, put into a page as they are.
  const text = run.without(ENCODER)
    ? sites.map(({ says }) => `<h2>${says}</h2>`).join('')
    : await reply.text()
  run.saw('the verdict', verdict)
  run.saw('the page', text)
  return text
}

attempt('summary-11', {
  by: 'markup',
  layers: [ENCODER],
  try: async (run) => {
    if (/<script>alert|<img src=x/.test(await page(run, told(MARKUP)))) run.harm('its markup is part of the page') // biome-ignore format: one line
  },
})

attempt('summary-11', {
  by: 'what turns the text around',
  layers: [SCHEMA, ENCODER],
  try: async (run) => {
    if ((await page(run, told('a\u202eb'))).includes('\u202e')) run.harm('text of the page is turned around') // biome-ignore format: one line
  },
})

attempt('summary-11', {
  by: '64 KB',
  layers: [SCHEMA],
  try: async (run) => {
    const text = await page(run, told('W'.repeat(20_000)))
    if (text.includes('W'.repeat(1000))) run.harm('one name fills the page')
  },
})

const NONCE: Layer = { name: 'the connection that a last will is of', shows: /"replayed":1/ }
attempt('own-summary-01', {
  layers: [NONCE],
  try: async (run) => {
    const site = alfaSite()
    fold(site, site.source.next())
    const { tenant_uid, appliance_id } = site.source.member
    const hear = (state: 'here' | 'gone', nonce: string, ahead: number) => {
      const body = { version: 1, tenant_uid, appliance_id, nonce: nonce.repeat(32), state, at: 1 }
      const will = verifyLastWill(signJson(site.source.privateKey, 'lwt', body), from(site))
      if (typeof will === 'string') throw new Error(will)
      // A receiver that does not compare it takes any for one of the present connection.
      site.fold.hear(run.without(NONCE) ? { ...will, nonce: '' } : will, NOON_US + ahead)
    }
    hear('here', 'b', 1)
    hear('gone', 'a', 2) // of yesterday's connection, sent again by the broker
    run.saw('the row', site.fold.rejected, view([site]).sites[0]?.says)
    if (site.fold.goneAt !== null) run.harm('a site that is there is shown as gone')
  },
})

const MEMBERSHIP: Layer = { name: 'where a revocation cuts', shows: /revoked/ }
attempt('own-summary-02', {
  layers: [MEMBERSHIP],
  secrets: () => [lie],
  try: async (run) => {
    const site = alfaSite()
    fold(site, site.source.next())
    const revoked = run.without(MEMBERSHIP) ? null : { epoch: 1, sequence: 2 }
    const { envelope } = site.source.next(told())
    run.saw(
      'the verdict',
      fold(site, believed(run, envelope, { from: { ...from(site), revoked } })),
    )
    run.saw('the row', view([site]).sites)
  },
})
