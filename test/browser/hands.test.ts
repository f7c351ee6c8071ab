/** By keyboard alone, and without the script: the pages over the story, in real Chromium. */
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { findChromium, openBrowser, openLive, serveStory, signIn, walkTo } from './chromium.ts'
import { GUESSER, idOf, LAPTOP, NOW_US } from './story/scene.ts'
import { createStory } from './story.ts'

const chromium = findChromium()
const LOOK = { width: 1440, theme: 'light' } as const

/** A story, served, with somebody signed in who looks at it. */
async function open(name: string, javaScript = true) {
  const story = createStory()
  const site = await serveStory(story)
  const browser = await openBrowser(chromium as string, { ...LOOK, javaScript })
  const page = await browser.context.newPage()
  await signIn(page, site.base, name)
  return {
    story,
    page,
    base: site.base,
    [Symbol.asyncDispose]: async () => {
      await browser[Symbol.asyncDispose]()
      await site[Symbol.asyncDispose]()
    },
  }
}

const selected = (page: Page) => page.locator('.row[aria-current]')

describe.skipIf(!chromium)('lists by keyboard', () => {
  test('/ searches, Escape leaves, j and k walk, Enter opens', async () => {
    await using seen = await open('sipho')
    const { page, base } = seen
    await page.goto(`${base}/findings`)
    await page.keyboard.press('/')
    await page.keyboard.type('ssh guessing')
    await page.keyboard.press('Enter')
    await page.waitForURL(/q=ssh\+guessing/)
    expect(await page.locator('tbody .row').count()).toBe(1)
    await page.keyboard.press('/')
    await page.keyboard.press('j') // typed, not walked
    expect(await page.inputValue('#search input')).toContain('j')
    expect(await selected(page).count()).toBe(0)
    await page.keyboard.press('Escape')
    await page.goto(`${base}/findings`)
    for (const key of ['j', 'j', 'j', 'k']) await page.keyboard.press(key)
    expect(await selected(page).getAttribute('data-id')).toBe(idOf(2))
    expect(await page.textContent('#said')).toContain('31 addresses') // told to a screen reader too
    await page.keyboard.press('Enter')
    await page.waitForURL(`${base}/findings/${idOf(2)}`)
  })

  test('? lists the keys, and a key of the browser’s own is left alone', async () => {
    await using seen = await open('lerato')
    const { page } = seen
    await page.keyboard.press('?')
    expect(await page.textContent('dialog[open]')).toContain('next row, row before')
    await page.keyboard.press('j') // nothing walks behind it
    expect(await selected(page).count()).toBe(0)
    await page.keyboard.press('Escape')
    expect(await page.locator('dialog[open]').count()).toBe(0)
    await page.keyboard.press('Control+k')
    expect(await selected(page).count()).toBe(0)
  })
})

describe.skipIf(!chromium)('actions by keyboard', () => {
  test('x ticks several, a approves them, u takes one back', async () => {
    await using seen = await open('sipho')
    const { page, base, story } = seen
    await page.goto(`${base}/actions`)
    for (const key of ['j', 'x', 'j', 'x', 'a']) await page.keyboard.press(key)
    await page.locator('#toast', { hasText: '2 actions decided' }).waitFor()
    expect(story.actions.slice(0, 2).map(({ state, decidedBy }) => [state, decidedBy])).toEqual([
      ['active', 'sipho'],
      ['active', 'sipho'],
    ])
    await walkTo(page, GUESSER, 'undo')
    await page.keyboard.press('u')
    await page.locator('#toast', { hasText: `Undone: ${GUESSER} passes again` }).waitFor()
    // The toast is said once: a reload does not say it again.
    await page.reload()
    expect(await page.locator('#toast').count()).toBe(0)
  })

  test('who may only look finds no button, and a presses nothing', async () => {
    await using seen = await open('lerato')
    const { page, base, story } = seen
    await page.goto(`${base}/actions`)
    expect(await page.locator('[data-verb]').count()).toBe(0)
    for (const key of ['j', 'x', 'a']) await page.keyboard.press(key)
    expect(story.actions[0]?.state).toBe('proposed')
    expect(await page.textContent('main')).toContain('You may look, not decide.')
  })

  test('what changes is exchanged in place: a tick and the selection stay', async () => {
    await using seen = await open('sipho')
    const { page, base, story } = seen
    await openLive(page, `${base}/actions`)
    await page.evaluate('window.neverReloaded = true')
    for (const key of ['j', 'x']) await page.keyboard.press(key)
    const [, , active] = story.actions
    if (!active) throw new Error('no action')
    Object.assign(active, {
      state: 'undone',
      endedAt: NOW_US,
      decidedBy: 'thandi',
      decidedAt: NOW_US,
    })
    story.tell({ kind: 'action', action: active })
    await page.locator('[data-live="active"] .note').waitFor()
    expect(await page.textContent('[data-live="active"] header')).toMatch(/0\s+blocks/)
    expect(await page.locator('input:checked').count()).toBe(1)
    expect(await selected(page).textContent()).toContain(LAPTOP)
    expect(await page.evaluate('window.neverReloaded')).toBe(true)
  })
})

describe.skipIf(!chromium)('without the script', () => {
  test('one signs in, searches, approves, undoes and signs out', async () => {
    await using seen = await open('sipho', false)
    const { page, base, story } = seen
    expect(await page.locator('svg.up').isVisible()).toBe(true) // the chart that the server drew
    await page.goto(`${base}/findings`)
    await page.fill('#search input', LAPTOP)
    await page.selectOption('select[name=range]', 'all')
    await page.click('text=Show')
    expect(page.url()).toContain(`q=${LAPTOP}`)
    expect(page.url()).toContain('range=all')
    await page.locator('tbody .row a').first().click()
    await page.locator('[data-verb=approve]').click()
    expect(await page.textContent('#toast')).toContain(`Blocked ${LAPTOP}`)
    expect(story.actions[0]?.state).toBe('active')
    await page.locator('#toast button').click()
    expect(await page.textContent('#toast')).toContain(`Undone: ${LAPTOP} passes again`)
    await page.goto(`${base}/settings?theme=dark`)
    expect(await page.getAttribute('html', 'data-theme')).toBe('dark')
    await page.click('text=Sign out')
    await page.waitForURL(`${base}/login?out`)
    expect(await page.textContent('main')).toContain('You are signed out.')
  })
})
