/**
 * Summaries verified and folded on one core, beside a bare verification of the same signatures in the same run. Then the
 * picture of 10,000 sites: made at first, and again when a hundred of them have
 * said something new, and when only the time went on.
 */
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { test } from 'vitest'
import { signedBytes } from '../../agent/base/signing.ts'
import { type FleetMember, FleetPicture } from '../../agent/health/fleet-status.ts'
import { SiteFold } from '../../agent/summary/fold.ts'
import { ephemeralOf, pointOf, seal, sharedSecret, unseal } from '../../agent/summary/seal.ts'
import type { VerifiedSummary } from '../../agent/summary/summary.ts'
import { speaker, verifySummary } from '../../agent/summary/verify.ts'
import { NOON_US, SummarySource } from '../traffic/summary-source.ts'

const SITES = 100
const EACH = 40
const DIGESTS = 20

const digests = Array.from({ length: DIGESTS }, (_, i) => ({
  ...{ id: `0198f0d2-0000-7000-8000-${String(i).padStart(12, '0')}`, rule_id: `sid:20${i}2345` },
  ...{ title: `Something that was seen ${i} times from a host`, severity: 'high' as const },
  ...{ host: `10.40.7.${i}`, attack_ids: ['T0836', 'T1046'], first: NOON_US, last: NOON_US },
  ...{ count: i, state: 'open' as const },
}))

test('verify and fold', () => {
  const sites = Array.from({ length: SITES }, () => {
    const source = new SummarySource()
    return { source, from: speaker(source.member), fold: new SiteFold() }
  })
  const all = Array.from({ length: EACH }, () =>
    sites.map((site) => ({ ...site, made: site.source.next({ digests }) })),
  ).flat()
  const bytes = all[0]?.made.envelope.body.length
  for (let run = 0; run < 3; run++) {
    const bare = perSecond(all.length, () => {
      for (const { made, source } of all) bareVerify(made, source)
    })
    const folds = new Map(sites.map(({ source }) => [source, new SiteFold()]))
    const folded = perSecond(all.length, () => {
      for (const { made, from, source } of all) {
        const verified = verifySummary(made.envelope, from)
        if (typeof verified === 'string') throw new Error(verified)
        folds.get(source)?.accept(verified, { at: NOON_US, bytes: 8192 })
      }
    })
    say('summaries per core-second', { bytes, bareVerify: bare, verifiedAndFolded: folded })
  }
})

const KEYS = new WeakMap<SummarySource, ReturnType<typeof createPublicKey>>()

function bareVerify({ envelope }: VerifiedSummary, source: SummarySource): void {
  let key = KEYS.get(source)
  if (!key) {
    key = createPublicKey({ key: Buffer.from(source.member.spki, 'base64'), format: 'der', type: 'spki' }) // biome-ignore format: one line
    KEYS.set(source, key)
  }
  const signature = Buffer.from(envelope.signature, 'base64')
  if (!verify(null, signedBytes('summary', envelope.body), key, signature)) throw new Error('forged') // biome-ignore format: one line
}

test('unseal, the half of picket-keys included', () => {
  const receiver = generateKeyPairSync('x25519')
  const receiverKey = pointOf(receiver.publicKey)
  const topic = 'p/v1/f/t/a/sum'
  const { envelope } = new SummarySource().next({ digests })
  const payloads = Array.from({ length: 2000 }, () => seal(envelope, { receiverKey, topic }))
  const unsealed = perSecond(payloads.length, () => {
    for (const payload of payloads) {
      const shared = sharedSecret(receiver.privateKey, ephemeralOf(payload) as Buffer) as Buffer
      if (!unseal(payload, { shared, receiverKey, topic })) throw new Error('not opened')
    }
  })
  say('unsealed per core-second', { bytes: payloads[0]?.length, unsealed })
})

test('the picture of 10,000 sites', () => {
  const source = new SummarySource()
  const chain = Array.from({ length: 289 }, () => source.next({ digests: digests.slice(0, 4) }))
  const sites = Array.from({ length: 10_000 }, (_, i) => {
    const fold = new SiteFold()
    const member: FleetMember = {
      ...{ tenant_id: `t${i}`, fleet_id: 'acme', appliance_id: `${i}`, site: `Site ${i}` },
      ...{ primary: i === 0, joinedAt: 0, revoked: null, certificateNotAfter: null },
    }
    return { fold, member }
  })
  const heap = process.memoryUsage().rss
  for (const each of chain.slice(0, 288))
    for (const { fold } of sites) fold.accept(each, { at: each.summary.window.to, bytes: 4096 })
  const kibPerSite = Math.round((process.memoryUsage().rss - heap) / sites.length / 1024)
  const now = chain[287]?.summary.window.to ?? 0
  const picture = new FleetPicture()
  const facts = (at: number) => ({ fleet_id: 'acme', sites, rejected: {}, now: at })
  const first = milliseconds(() => picture.view(facts(now)))
  for (const { fold } of sites.slice(0, 100))
    fold.accept(chain[288] as VerifiedSummary, { at: now, bytes: 4096 })
  const warm = milliseconds(() => picture.view(facts(now)))
  const aged = milliseconds(() => picture.view(facts(now + 60e6)))
  say('picture of 10,000 sites, ms', { first, warm, aged, kibPerSite })
})

function milliseconds(work: () => void): number {
  const start = performance.now()
  work()
  return Number((performance.now() - start).toFixed(1))
}

/** By processor time, so that what else runs on the machine does not count. */
function perSecond(count: number, work: () => void): number {
  const start = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(start)
  return Math.round(count / ((user + system) / 1e6))
}

function say(what: string, figures: object): void {
  process.stdout.write(`${what} ${JSON.stringify(figures)}\n`)
}
