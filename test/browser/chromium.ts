/** A real Chromium for the pages, and the real web app over the story, on a loopback port of its own. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAdaptorServer } from '@hono/node-server'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { storyApp } from './story/client.ts'
import { PASSWORD } from './story/scene.ts'
import type { Story } from './story.ts'

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
/** Where pictures go that are looked at and thrown away. */
export const SCREENS =
  process.env.PICKET_PICTURES_IN ?? join(import.meta.dirname, '../../.state/pictures')

export function findChromium(): string | undefined {
  const found = process.env.PICKET_CHROMIUM ?? CHROMIUM.find((path) => existsSync(path))
  if (!found)
    process.stderr.write('SKIPPED: no Chromium on this machine (apt-get install chromium).\n')
  return found
}

const STEPS_MAX = 60
const TICK_MS = 4

export interface Look {
  width: 1440 | 390
  theme: 'light' | 'dark'
  javaScript?: boolean
}

/** A browser with an empty profile of its own, in London, at the story's moment or later. */
export async function openBrowser(path: string, { width, theme, javaScript = true }: Look) {
  const profile = mkdtempSync(join(tmpdir(), 'picket-chromium-'))
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath: path,
    args: FLAGS,
    viewport: { width, height: width === 390 ? 844 : 900 },
    colorScheme: theme,
    javaScriptEnabled: javaScript,
    timezoneId: 'Europe/London',
    reducedMotion: 'reduce',
  })
  mkdirSync(SCREENS, { recursive: true })
  return {
    context,
    [Symbol.asyncDispose]: async () => {
      await context.close()
      rmSync(profile, { recursive: true, force: true })
    },
  }
}

/** The app on 127.0.0.1, with the server's own time of each page noted. */
export async function serveStory(story: Story) {
  const app = storyApp(story)
  const took = new Map<string, number>()
  const bytes = new Map<string, number>()
  const server = createAdaptorServer({
    fetch: async (request, env) => {
      const [began, worked] = [performance.now(), process.threadCpuUsage()]
      const reply = await app.fetch(request, env)
      const { pathname } = new URL(request.url)
      const { user, system } = process.threadCpuUsage(worked)
      // The less of the two: others that have the core make the first longer, and the second goes by ticks.
      took.set(pathname, Math.min(performance.now() - began, Math.max((user + system) / 1000, TICK_MS))) // biome-ignore format: one line
      if (pathname !== '/live') {
        const body = await reply.clone().arrayBuffer()
        bytes.set(pathname, body.byteLength)
      }
      return reply
    },
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    base: `http://127.0.0.1:${port}`,
    took,
    /** What went over the wire, by path; assets come compressed. */
    bytes,
    [Symbol.asyncDispose]: async () => {
      if ('closeAllConnections' in server) server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

/** Through the form, as a person does; the story's password opens every account. */
export async function signIn(page: Page, base: string, name: string): Promise<void> {
  await page.goto(`${base}/login`)
  await page.fill('#name', name)
  await page.fill('#password', PASSWORD)
  await page.press('#password', 'Enter')
  await page.waitForURL(`${base}/now`)
}

/** A page that hears what changes from now on: what is told before its stream is open it reads with the next. */
export async function openLive(page: Page, url: string): Promise<void> {
  const stream = page.waitForResponse('**/live')
  await page.goto(url)
  await stream
}

/** `j` until the selected row holds that text and a button of that verb: as a person without a mouse finds it. */
export async function walkTo(page: Page, text: string, verb: string): Promise<void> {
  const wanted = page.locator('.row[aria-current]', {
    hasText: text,
    has: page.locator(`[data-verb="${verb}"]`),
  })
  for (let i = 0; i < STEPS_MAX; i++) {
    await page.keyboard.press('j')
    if ((await wanted.count()) > 0) return
  }
  throw new Error(`no row about ${text} with a button to ${verb}`)
}

export interface AxeViolation {
  id: string
  impact: string
  help: string
  nodes: { target: string[]; html: string }[]
}

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** axe over the whole page. Run in an isolated world's stead by CDP evaluate: the page's CSP allows no other. */
export async function axe(page: Page): Promise<AxeViolation[]> {
  await page.evaluate(readFileSync(axePath, 'utf8'))
  return page.evaluate(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.map(({ target, html }) => ({ target, html: html.slice(0, 160) })) })))`,
  )
}
