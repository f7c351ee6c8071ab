/** Every page of Fleet Command in real Chromium: both widths, both themes, axe, no sideways scroll, weight and time. */
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import type { FleetSite } from '../../web/base/ports.ts'
import { findChromium, type Look, openBrowser, openLive, serveStory, signIn } from './chromium.ts'
import { EIGHT, fleetStory, manySites, THREE } from './fleet-story.ts'
import { complaints, judge, LOOKS, lookAt } from './judge.ts'
import { createStory } from './story.ts'

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
const chromium = findChromium()

/** The two of the README: the sites page of the three, at a desk and on a phone, down to where a list ends. */
const KEPT = {
  1440: { name: 'fleet.png', height: 1244 },
  390: { name: 'fleet-phone.png', height: 788 },
}

async function keepPicture(page: Page, { width, theme }: Look): Promise<void> {
  if (process.env.PICKET_PICTURES !== 'keep' || theme !== 'light') return
  const { name, height } = KEPT[width]
  const path = join(import.meta.dirname, 'pictures', name)
  await page.screenshot({ path, fullPage: true, clip: { x: 0, y: 0, width, height } })
}

test.skipIf(!chromium).for(LOOKS)('every page, $width px, $theme', async (look) => {
  const story = createStory()
  const fleet = fleetStory(EIGHT)
  story.ports.fleet = fleet
  await using site = await serveStory(story)
  await using browser = await openBrowser(chromium as string, look)
  const page = await browser.context.newPage()
  const errors = complaints(page)
  const wrong: string[] = []
  await signIn(page, site.base, 'thandi')
  await page.goto(`${site.base}/fleet`)
  for (const [name, path, sites] of PAGES) {
    fleet.sites = sites
    if (sites) await fleet.view({ token: '', scope: [] }) // warm, as picket-link's answer is kept
    wrong.push(...(await lookAt(page, site, { name, path, look, whole: name !== 'fleet-many' })))
    if (sites === THREE) await keepPicture(page, look)
  }
  fleet.sites = EIGHT
  await page.goto(`${site.base}/fleet/joins`)
  await page.fill('#tenant_id', 'acme-bom')
  await page.fill('#site', 'Mumbai')
  await page.press('#site', 'Enter')
  await page.waitForSelector('#claim-code')
  wrong.push(...(await judge(page, { name: 'fleet-claim', look })))
  expect(errors).toEqual([])
  expect(wrong).toEqual([])
})

test.skipIf(!chromium)(
  'hands: j, k and Enter over sites, a scope by ticks, changes in place',
  async () => {
    const story = createStory()
    const fleet = fleetStory(THREE)
    story.ports.fleet = fleet
    await using site = await serveStory(story)
    await using browser = await openBrowser(chromium as string, { width: 1440, theme: 'light' })
    const page = await browser.context.newPage()
    await signIn(page, site.base, 'thandi')
    await openLive(page, `${site.base}/fleet`)
    const current = () => page.getAttribute('.row[aria-current]', 'data-id')
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    expect(await current()).toBe('acme-syd')

    const marked = 'marked by the test'
    await page.evaluate(`document.body.dataset.kept = '${marked}'`)
    fleet.sites = THREE.map((each) => ({ ...each, says: `${each.site} has news` }))
    story.tell({ kind: 'fleet', concerns: () => false })
    story.tell({ kind: 'fleet', concerns: () => true })
    await page.getByText('London has news.').waitFor()
    expect(await page.evaluate('document.body.dataset.kept')).toBe(marked)
    expect(await current()).toBe('acme-syd')

    await page.keyboard.press('k')
    await page.keyboard.press('Enter')
    await page.waitForURL(`${site.base}/fleet/sites/acme-cpt`)
    await page.goto(`${site.base}/fleet`)
    await page.click('.chooser summary')
    await page.uncheck('input[value=acme-syd]')
    await page.click('.chooser .button')
    await page.waitForURL('**/fleet?scope=acme-cpt&scope=acme-lon')
    expect(await page.textContent('.sees')).toContain('2 of 3')
  },
)

test.skipIf(!chromium)('without script: the same pages, filters and forms', async () => {
  const story = createStory()
  story.ports.fleet = fleetStory(EIGHT)
  await using site = await serveStory(story)
  const look = { width: 390, theme: 'dark', javaScript: false } as const
  await using browser = await openBrowser(chromium as string, look)
  const page = await browser.context.newPage()
  await signIn(page, site.base, 'thandi')
  await page.goto(`${site.base}/fleet`)
  expect(await page.locator('.site').count()).toBe(8)
  await page.click('text=Findings >> nth=0')
  await page.selectOption('[name=severity]', 'critical')
  await page.click('.filters .button')
  await page.waitForURL('**severity=critical**')
  expect(await page.locator('tr.row').count()).toBe(1)
  await page.click('.wide a')
  await page.waitForURL('**/fleet/sites/acme-cpt')
  await page.goto(`${site.base}/fleet/joins`)
  await page.click('[aria-label="Revoke Sydney"]')
  await page.waitForURL('**/fleet/joins?revoked=acme-syd')
})
