/**
 * The page of ten thousand sites, warm: what the server itself needs from the request to the last byte, beside
 * JSON.stringify of the very same view, the least that any answer about ten thousand sites could cost.
 */
import { expect, test } from 'vitest'
import { fleetStory, manySites } from '../browser/fleet-story.ts'
import { storyApp } from '../browser/story/client.ts'
import { createStory } from '../browser/story.ts'

const SITES = 10_000
const ROUNDS = 60
const PATHS = ['/fleet', '/fleet?state=blind', '/fleet/compare?sort=compliance', '/fleet/compliance', '/fleet/findings'] // biome-ignore format: one line
const HOST = '127.0.0.1:8443'

test('10,000 sites, server time', async () => {
  const story = createStory()
  const fleet = fleetStory(manySites(SITES))
  const token = story.enter('amara', 'admin')
  const view = await fleet.view({ token, scope: [] })
  story.ports.fleet = { ...fleet, view: async () => view }
  const app = storyApp(story)
  const headers = { host: HOST, cookie: `__Host-picket=${token}; picket=${token}` }
  for (const path of PATHS) {
    const page: number[] = []
    const reference: number[] = []
    let bytes = 0
    for (let n = 0; n < ROUNDS; n++) {
      page.push(
        await timed(async () => {
          const reply = await app.request(`http://${HOST}${path}`, { headers })
          expect(reply.status).toBe(200)
          bytes = (await reply.arrayBuffer()).byteLength
        }),
      )
      reference.push(await timed(async () => void JSON.stringify(view)))
    }
    const line = { path, sites: SITES, bytes, page: spread(page), stringify: spread(reference) }
    process.stdout.write(`fleetPageMs ${JSON.stringify(line)}\n`)
  }
}, 120_000)

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

/** Of the second half of the rounds: the first half warms up. */
function spread(all: readonly number[]) {
  const warm = all.slice(all.length / 2).sort((a, b) => a - b)
  const at = (share: number) =>
    Number((warm[Math.floor(share * (warm.length - 1))] ?? 0).toFixed(2))
  return { p50: at(0.5), p95: at(0.95), max: at(1) }
}
