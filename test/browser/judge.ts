/** How a page is judged: nothing sideways, nothing that axe finds, light and quick; its picture is for a person. */
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { axe, type Look, SCREENS, type serveStory } from './chromium.ts'

const WEIGHT_MAX = 150_000
const SERVER_MS_MAX = 50
const TRIES_MAX = 3
const HTML_SHOWN = 400

export const LOOKS: readonly Look[] = [
  { width: 1440, theme: 'light' },
  { width: 1440, theme: 'dark' },
  { width: 390, theme: 'light' },
  { width: 390, theme: 'dark' },
]

type Served = Awaited<ReturnType<typeof serveStory>>

export interface Asked {
  name: string
  path: string
  look: Look
  /** False: its time says nothing, as it is the first page of a new server. */
  timed?: boolean
  /** False: too long for a picture of all of it. */
  whole?: boolean
}

/** Opens a page and judges it; gives what is wrong. */
export async function lookAt(page: Page, site: Served, asked: Asked): Promise<string[]> {
  const { name, path, look, timed = true } = asked
  await page.goto(site.base + path, { waitUntil: 'load' })
  const own = path.split(/[?#]/)[0] ?? ''
  let took = site.took.get(own) ?? 0
  // Another process may have had the core: what counts is how fast the page can be served.
  for (let again = 0; took > SERVER_MS_MAX && again < TRIES_MAX; again++) {
    await page.reload({ waitUntil: 'load' })
    took = Math.min(took, site.took.get(own) ?? took)
  }
  const weight = weightOf(site.bytes, own)
  if (look.width === 1440 && look.theme === 'light')
    process.stdout.write(
      `${name.padEnd(17)} ${took.toFixed(1).padStart(6)} ms  ${(weight / 1000).toFixed(1).padStart(6)} KB\n`,
    )
  return [
    ...(await judge(page, asked)),
    ...(weight > WEIGHT_MAX ? [`${name}: ${weight} bytes`] : []),
    ...(timed && took > SERVER_MS_MAX ? [`${name}: ${took.toFixed(1)} ms`] : []),
  ]
}

/** The page as it stands. */
export async function judge(
  page: Page,
  { name, look, whole = true }: Omit<Asked, 'path'>,
): Promise<string[]> {
  const wrong: string[] = []
  const { scroll, client } = await page.evaluate<{ scroll: number; client: number }>(
    '({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth })',
  )
  if (scroll > client) wrong.push(`${name}: ${scroll} px wide in ${client}`)
  for (const { id, impact, help, nodes } of await axe(page)) {
    const where = nodes.map(({ html }) => html).join(' | ')
    wrong.push(`${name}: ${id} (${impact}) ${help}: ${where.slice(0, HTML_SHOWN)}`)
  }
  const path = join(SCREENS, `${name}-${look.width}-${look.theme}.png`)
  await page.screenshot({ path, fullPage: whole })
  return wrong
}

/** What the page itself complains of; a refusal that was asked for is none. */
export function complaints(page: Page): string[] {
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/40[34]/.test(message.text())) errors.push(message.text())
  })
  return errors
}

/** The page with everything it needs and an empty cache; the chart's parts only where there is one. */
function weightOf(bytes: ReadonlyMap<string, number>, path: string): number {
  const chart = path === '/now' ? ['uplot.js', 'uplot.css'] : []
  const parts = ['picket.css', 'picket.js', 'mark.svg', ...chart].map((name) => `/assets/${name}`)
  return [path, ...parts].reduce((sum, each) => sum + (bytes.get(each) ?? 0), 0)
}
