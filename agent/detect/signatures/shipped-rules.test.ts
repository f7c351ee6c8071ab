import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { corpus } from '../../../test/traffic/corpus.ts'
import { fireRules } from '../../../test/traffic/rule-path.ts'
import { captures, RULES, TRAFFIC } from '../../../test/traffic/rule-traffic.ts'
import { RuleSet } from './rule-set.ts'

const slugs = readdirSync(RULES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'controls')
  .map(({ name }) => name)

const files = slugs.map((slug) => {
  const path = join(RULES, slug, 'rule.rules')
  return { path, text: readFileSync(path, 'utf8') }
})
const { ruleSet, refused } = RuleSet.load(files)

test('all of them load, under sids of our own, each with its technique', () => {
  expect(refused).toEqual([])
  const sids = ruleSet.describe().map(({ sid }) => sid)
  expect(new Set(sids).size).toBe(sids.length)
  for (const { hit, noalert } of ruleSet.signatures) {
    expect(hit.sid).toBeGreaterThanOrEqual(1_000_000)
    expect(hit.sid).toBeLessThanOrEqual(1_000_999)
    expect(hit.metadata).toHaveProperty('signature_severity')
    if (!noalert && hit.sid !== 1_000_000) expect(hit.attack_ids, hit.msg).not.toEqual([])
  }
})

test('each folder has its traffic', () => {
  expect(Object.keys(TRAFFIC).toSorted()).toEqual(slugs.toSorted())
  for (const slug of slugs) expect(existsSync(join(RULES, slug, 'README.md')), slug).toBe(true)
})

test.each(slugs)(
  '%s: fires on its hits and nothing on its misses, with all rules loaded',
  async (slug) => {
    const own = RuleSet.load(files.filter(({ path }) => path.includes(`/${slug}/`))).ruleSet
    const wanted = own.signatures.filter(({ noalert }) => !noalert).map(({ hit }) => hit.sid)
    expect(wanted).not.toEqual([])
    const paths = { hit: join(RULES, slug, 'hit.pcap'), miss: join(RULES, slug, 'miss.pcap') }
    const made = captures(slug)
    expect(readFileSync(paths.hit).equals(made.hit), 'hit.pcap is what rule-traffic.ts makes').toBe(
      true,
    )
    expect(
      readFileSync(paths.miss).equals(made.miss),
      'miss.pcap is what rule-traffic.ts makes',
    ).toBe(true)
    const hit = await fireRules(ruleSet, [paths.hit])
    expect([...new Set(hit.fired.map(({ sid }) => sid))].toSorted()).toEqual(
      [...new Set(wanted)].toSorted(),
    )
    expect((await fireRules(ruleSet, [paths.miss])).fired).toEqual([])
  },
)

const benign = corpus('benign')
test.skipIf(benign === undefined)(
  'nothing high on ordinary traffic',
  { timeout: 120_000 },
  async () => {
    const wrong: string[] = []
    for (const path of globSync(join(benign ?? '', '*.pcap*')))
      for (const { sid, severity } of (await fireRules(ruleSet, [path])).fired)
        if (severity === 'high' || severity === 'critical') wrong.push(`${path}: ${sid}`)
    expect(wrong).toEqual([])
  },
)
