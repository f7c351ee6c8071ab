/** The stylesheets hold no class that no page and no script says. */
import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const SHEETS = ['web/ui/picket.css', 'web/ui/fleet.css']
/** Made by the chart's library in the browser. */
const FOREIGN = /^u-/

const read = (paths: string[]) => paths.map((path) => readFileSync(path, 'utf8')).join('\n')

test('each class of the stylesheets stands in an attribute or a string of the pages', () => {
  const selectors = read(SHEETS)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\{[^{}]*\}/g, '{}')
  const styled = new Set(
    [...selectors.matchAll(/\.([a-z][a-z0-9-]*)/g)].map(([, name = '']) => name),
  )
  const pages = read(globSync('web/**/*.{ts,js}').filter((path) => !path.endsWith('.test.ts')))
  const strings = [
    ...pages.matchAll(/class="((?:[^"$]|\$\{[^}]*\})*)"|'([^'\n]*)'|`([^`\n$]*)/g),
  ].map((found) => found.slice(1).join(' '))
  const said = new Set(strings.join(' ').split(/[^a-z0-9-]+/))
  expect(styled.size).toBeGreaterThan(100)
  expect([...styled].filter((name) => !said.has(name) && !FOREIGN.test(name))).toEqual([])
})
