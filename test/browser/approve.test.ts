/**
 * The main task, with nothing in the place of anything: real processes in namespaces, a real browser. Somebody
 * signs in with the one-time code, sees a finding come by itself, blocks its source with the keyboard alone, the
 * attacked program falls silent, and undo brings it back.
 */
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MachineView } from '../../web/base/ports.ts'
import { findChromium, openBrowser, openLive, SCREENS, walkTo } from './chromium.ts'
import { findSpaces, RealSite } from './real-site.ts'

const FOUND_MS_MAX = 90_000
const PASSWORD = 'seven quiet herons'
const KEPT = join(import.meta.dirname, 'pictures')

const chromium = findChromium()
const spaces = findSpaces()

let site: RealSite
let browser: Awaited<ReturnType<typeof openBrowser>>
let page: Page
let code: string

describe.skipIf(!chromium || !spaces)('a real site in a real browser', () => {
  beforeAll(async () => {
    const opened = await RealSite.open(spaces as string[])
    site = opened.site
    code = opened.code
    browser = await openBrowser(chromium as string, { width: 1440, theme: 'light' })
    page = await browser.context.newPage()
  })
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]()
    await site?.[Symbol.asyncDispose]()
  })
  test('the one-time code opens the door once, then a password is chosen', opensOnce)
  test('a finding arrives by itself, without a reload', arrives)
  test('approved and undone by keyboard; the attacked program is the witness', byKeyboard)
  test('the machine that it runs on has a page, from the real agent', showsMachine)
  test('a form without its token, or from elsewhere, does nothing', withoutToken)
  test('signed out in one tab is signed out in the other, at once', signedOutAtOnce)
  test('a wrong password is told plainly and the name is kept', wrongPassword)
})

async function showsMachine(): Promise<void> {
  await page.goto(`${site.base}/hardware`)
  const { machine } = await page.evaluate<{ machine: MachineView }>("fetch('/api/hardware').then((reply) => reply.json())") // biome-ignore format: one line
  expect(machine.facts.processors).toBeGreaterThan(0)
  expect(await page.textContent('#sentence')).toMatch(machine.profile ? new RegExp(machine.profile.name) : /Nobody has described this machine|Drive/) // biome-ignore format: one line
  expect(await page.locator('.sockets li').count()).toBe(machine.ports.length)
  await page.goto(`${site.base}/now`)
}

async function opensOnce(): Promise<void> {
  await page.goto(`${site.base}/`)
  await page.waitForURL('**/login**')
  await page.goto(`${site.base}/first#${code}`)
  expect(await page.inputValue('#code')).toBe(code)
  expect(page.url()).not.toContain(code)
  await page.press('#code', 'Enter')
  await page.waitForURL(`${site.base}/password`)
  // Nothing is shown before the password is chosen.
  await page.goto(`${site.base}/findings`)
  await page.waitForURL(`${site.base}/password`)
  await page.fill('#next', PASSWORD)
  await page.fill('#again', PASSWORD)
  await page.press('#again', 'Enter')
  await page.waitForURL(`${site.base}/now`)
  expect(await page.textContent('#sentence')).toContain('Works north: nothing found')

  const cookie = await sessionCookie()
  expect(cookie).toMatchObject({
    name: '__Host-picket',
    secure: true,
    sameSite: 'Strict',
    path: '/',
  })
  const again = await browser.context.newPage()
  await again.goto(`${site.base}/first#${code}`)
  await again.press('#code', 'Enter')
  await again.waitForSelector('#fault')
  await again.close()
}

async function arrives(): Promise<void> {
  await page.evaluate('window.neverReloaded = true')
  await site.attack('passwords')
  await page
    .locator('[data-live="findings"] .row', { hasText: site.guesser })
    .first()
    .waitFor({ timeout: FOUND_MS_MAX })
  await page
    .locator('[data-live="actions"] .action.proposed', { hasText: site.guesser })
    .first()
    .waitFor({ timeout: FOUND_MS_MAX })
  expect(await page.evaluate('window.neverReloaded')).toBe(true)
  expect(await page.textContent('#mark')).toMatch(/high|critical/)
}

/** Of a site under attack, one source blocked: for the README, and for a person to look at. */
async function takePicture(): Promise<void> {
  await page.setViewportSize({ width: 1440, height: 1180 })
  await page.locator('[data-live="findings"] .row').first().waitFor()
  const picture = join(SCREENS, 'now.png')
  await page.screenshot({ path: picture })
  await page.setViewportSize({ width: 1440, height: 900 })
  if (process.env.PICKET_PICTURES !== 'keep') return
  mkdirSync(KEPT, { recursive: true })
  copyFileSync(picture, join(KEPT, 'now.png'))
}

async function byKeyboard(): Promise<void> {
  await site.keepGuessing()
  await site.hearsAgain()
  await page.keyboard.press('g')
  await page.keyboard.press('c')
  await page.waitForURL(`${site.base}/actions`)
  await walkTo(page, site.guesser, 'approve')
  await page.keyboard.press('a')
  await page.locator('#toast', { hasText: `Blocked ${site.guesser}` }).waitFor()
  await site.hearsNoMore()
  await page
    .locator('.action.active', { hasText: /packets? stopped/ })
    .waitFor({ timeout: FOUND_MS_MAX })
  await page.screenshot({ path: join(SCREENS, 'blocked.png') })

  for (const kind of ['scan', 'web', 'registers'] as const) await site.attack(kind)
  await page.keyboard.press('g')
  await page.keyboard.press('n')
  await page.waitForURL(`${site.base}/now`)
  await page
    .locator('[data-live="findings"] .row .critical')
    .first()
    .waitFor({ timeout: FOUND_MS_MAX })
  await takePicture()

  await walkTo(page, site.guesser, 'undo')
  await page.keyboard.press('u')
  await page.locator('#toast', { hasText: `Undone: ${site.guesser} passes again` }).waitFor()
  await site.hearsAgain()
  await page.goto(`${site.base}/audit`)
  const said = await page.locator('.said').textContent()
  expect(said).toMatch(/asked to approve action/)
  expect(said).toMatch(/in force/)
  expect(said).toMatch(/asked to undo action/)
}

async function withoutToken(): Promise<void> {
  await page.goto(`${site.base}/actions`)
  const post = (fields: Record<string, string>) =>
    page.evaluate(
      `fetch('/actions/approve', { method: 'POST', redirect: 'manual', body: new URLSearchParams(${JSON.stringify(fields)}) }).then((r) => r.status)`,
    )
  const only = await page
    .locator('.action.proposed [data-verb="approve"]')
    .first()
    .getAttribute('value')
  expect(only).toBeTruthy()
  expect(await post({ only: only ?? '' })).toBe(403)
  expect(await post({ only: only ?? '', csrf: 'A'.repeat(43) })).toBe(403)
  const cookie = await sessionCookie()
  const elsewhere = await fetch(`${site.base}/actions/approve`, {
    method: 'POST',
    headers: { cookie: `${cookie?.name}=${cookie?.value}`, origin: 'https://elsewhere.example' },
    body: new URLSearchParams({ only: only ?? '' }),
  })
  expect(elsewhere.status).toBe(403)
}

async function signedOutAtOnce(): Promise<void> {
  await openLive(page, `${site.base}/now`)
  const other = await browser.context.newPage()
  await other.goto(`${site.base}/settings`)
  await other.click('text=Sign out')
  await other.waitForURL('**/login?out')
  await other.close()
  await page.waitForURL('**/login?next=%2Fnow', { timeout: FOUND_MS_MAX })
}

async function wrongPassword(): Promise<void> {
  await page.fill('#name', 'admin')
  await page.fill('#password', 'not this one at all')
  await page.press('#password', 'Enter')
  await page.waitForSelector('#fault')
  expect(await page.textContent('#fault')).toMatch(/wrong/i)
  expect(await page.inputValue('#name')).toBe('admin')
  expect(await page.inputValue('#password')).toBe('')
  await page.fill('#password', PASSWORD)
  await page.press('#password', 'Enter')
  await page.waitForURL(`${site.base}/now`)
}

async function sessionCookie() {
  return (await browser.context.cookies()).find(({ httpOnly }) => httpOnly)
}
