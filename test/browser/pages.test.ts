/** Every page in real Chromium: both widths, both themes, axe, no sideways scroll, weight and time. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  axe,
  findChromium,
  type Look,
  openBrowser,
  SCREENS,
  serveStory,
  signIn,
} from './chromium.ts'
import { idOf } from './story/scene.ts'
import { createStory } from './story.ts'

const WEIGHT_MAX = 150_000
const SERVER_MS_MAX = 50

const PAGES: readonly (readonly [string, string])[] = [
  ['now', '/now'],
  ['findings', '/findings'],
  ['finding', `/findings/${idOf(1)}`],
  ['flows', '/flows'],
  ['assets', '/assets'],
  ['actions', `/actions?said=${idOf(5003)}`],
  ['lake', '/lake'],
  ['rules', '/rules'],
  ['settings', '/settings'],
  ['users', '/users'],
  ['audit', '/audit'],
  ['empty', '/findings?q=nothing-like-this'],
  ['trouble', '/nowhere'],
]
const OUTSIDE: readonly (readonly [string, string])[] = [
  ['login', '/login'],
  ['first', '/first#K7QF-4M2X-D9PA'],
]
const LOOKS: readonly Look[] = [
  { width: 1440, theme: 'light' },
  { width: 1440, theme: 'dark' },
  { width: 390, theme: 'light' },
  { width: 390, theme: 'dark' },
]

/** The page with everything it needs and an empty cache; the chart's parts only where there is one. */
function weightOf(bytes: ReadonlyMap<string, number>, path: string): number {
  const parts = [
    'picket.css',
    'picket.js',
    'mark.svg',
    ...(path === '/now' ? ['uplot.js', 'uplot.css'] : []),
  ]
  return [path, ...parts.map((name) => `/assets/${name}`)].reduce(
    (sum, each) => sum + (bytes.get(each) ?? 0),
    0,
  )
}

const chromium = findChromium()

describe.skipIf(!chromium)('pages in Chromium', () => {
  test.for(LOOKS)('$width px, $theme', async (look) => {
    const story = createStory()
    await using site = await serveStory(story)
    await using browser = await openBrowser(chromium as string, look)
    const page = await browser.context.newPage()
    const wrong: string[] = []
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('404')) errors.push(message.text())
    })
    for (const [name, path] of [...OUTSIDE, ...PAGES]) {
      if (name === PAGES[0]?.[0]) await signIn(page, site.base, 'thandi')
      await page.goto(site.base + path, { waitUntil: 'load' })
      const { scroll, client } = await page.evaluate<{ scroll: number; client: number }>(
        '({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth })',
      )
      if (scroll > client) wrong.push(`${name}: ${scroll} px wide in ${client}`)
      for (const { id, impact, help, nodes } of await axe(page))
        wrong.push(
          `${name}: ${id} (${impact}) ${help}: ${nodes
            .map(({ html }) => html)
            .join(' | ')
            .slice(0, 400)}`,
        )
      const own = path.split(/[?#]/)[0] ?? ''
      const took = site.took.get(own) ?? 0
      const weight = weightOf(site.bytes, own)
      if (look.width === 1440 && look.theme === 'light')
        process.stdout.write(
          `${name.padEnd(9)} ${took.toFixed(1).padStart(6)} ms  ${(weight / 1000).toFixed(1).padStart(6)} KB\n`,
        )
      if (weight > WEIGHT_MAX) wrong.push(`${name}: ${weight} bytes`)
      if (took > SERVER_MS_MAX && name !== OUTSIDE[0]?.[0])
        wrong.push(`${name}: ${took.toFixed(1)} ms`)
      await page.screenshot({
        path: join(SCREENS, `${name}-${look.width}-${look.theme}.png`),
        fullPage: true,
      })
    }
    expect(errors).toEqual([])
    expect(wrong).toEqual([])
  })
})
