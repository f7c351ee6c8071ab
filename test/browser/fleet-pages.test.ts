/** Every page of Fleet Command in real Chromium: both widths, both themes, axe, no sideways scroll, weight and time. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { FleetSite } from '../../web/base/ports.ts'
import { axe, findChromium, type Look, openBrowser, serveStory, signIn } from './chromium.ts'
import { EIGHT, fleetStory, manySites, THREE } from './fleet-story.ts'
import { createStory } from './story.ts'

const PICTURES = join(import.meta.dirname, '../../.state/pictures')
const WEIGHT_MAX = 150_000
const SERVER_MS_MAX = 50

const PAGES: readonly (readonly [string, string, readonly FleetSite[] | null])[] = [
  ['fleet-three', '/fleet', THREE],
  ['fleet-sites', '/fleet', EIGHT],
  ['fleet-narrowed', '/fleet?scope=acme-lon,acme-cpt', EIGHT],
  ['fleet-findings', '/fleet/findings', EIGHT],
  ['fleet-compare', '/fleet/compare?sort=compliance', EIGHT],
  ['fleet-compliance', '/fleet/compliance', EIGHT],
  ['fleet-cape-town', '/fleet/sites/acme-cpt', EIGHT],
  ['fleet-oslo', '/fleet/sites/acme-osl', EIGHT],
  ['fleet-durban', '/fleet/sites/acme-dur', EIGHT],
  ['fleet-lagos', '/fleet/sites/acme-los', EIGHT],
  ['fleet-nairobi', '/fleet/sites/acme-nbo', EIGHT],
  ['fleet-joins', '/fleet/joins?revoked=acme-hkg', EIGHT],
  ['fleet-none', '/fleet', []],
  ['fleet-off', '/fleet', null],
  ['fleet-many', '/fleet', manySites(10_000)],
]
const LOOKS: readonly Look[] = [
  { width: 1440, theme: 'light' },
  { width: 1440, theme: 'dark' },
  { width: 390, theme: 'light' },
  { width: 390, theme: 'dark' },
]

const chromium = findChromium()

describe.skipIf(!chromium)('Fleet Command in Chromium', () => {
  test.for(LOOKS)('$width px, $theme', async (look) => {
    mkdirSync(PICTURES, { recursive: true })
    const story = createStory()
    const fleet = fleetStory(EIGHT)
    story.ports.fleet = fleet
    await using site = await serveStory(story)
    await using browser = await openBrowser(chromium as string, look)
    const page = await browser.context.newPage()
    const wrong: string[] = []
    page.on('pageerror', (error) => wrong.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error') wrong.push(message.text())
    })
    const shoot = (name: string) =>
      page.screenshot({
        path: join(PICTURES, `${name}-${look.width}-${look.theme}.png`),
        fullPage: !name.endsWith('many'),
      })
    const judge = async (name: string) => {
      const { scroll, client } = await page.evaluate<{ scroll: number; client: number }>(
        '({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth })',
      )
      if (scroll > client) wrong.push(`${name}: ${scroll} px wide in ${client}`)
      for (const { id, help, nodes } of await axe(page))
        wrong.push(`${name}: ${id}, ${help}: ${nodes.map(({ html }) => html).join(' | ')}`)
      await shoot(name)
    }
    await signIn(page, site.base, 'thandi')
    await page.goto(`${site.base}/fleet`)
    for (const [name, path, sites] of PAGES) {
      fleet.sites = sites
      await page.goto(site.base + path, { waitUntil: 'load' })
      const own = path.split('?')[0] ?? ''
      const took = site.took.get(own) ?? 0
      const weight = [own, '/assets/picket.css', '/assets/picket.js', '/assets/mark.svg'].reduce(
        (sum, each) => sum + (site.bytes.get(each) ?? 0),
        0,
      )
      if (look.width === 1440 && look.theme === 'light')
        process.stdout.write(
          `${name.padEnd(17)} ${took.toFixed(1).padStart(6)} ms ${(weight / 1000).toFixed(1).padStart(6)} KB\n`,
        )
      if (weight > WEIGHT_MAX) wrong.push(`${name}: ${weight} bytes`)
      if (took > SERVER_MS_MAX) wrong.push(`${name}: ${took.toFixed(1)} ms`)
      await judge(name)
    }
    fleet.sites = EIGHT
    await page.goto(`${site.base}/fleet/joins`)
    await page.fill('#tenant_id', 'acme-bom')
    await page.fill('#site', 'Mumbai')
    await page.press('#site', 'Enter')
    await page.waitForSelector('#claim-code')
    await judge('fleet-claim')
    expect(wrong).toEqual([])
  })
})
