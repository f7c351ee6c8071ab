/** Where the compliance controls are: those shipped with Picket. picket-keys asks their evidence, picket-link judges it. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Control, readControls } from './summary/compliance.ts'

const SHIPPED = fileURLToPath(new URL('../rules/controls', import.meta.url))

/** Heaviest first. */
export function shippedControls(): Control[] {
  const paths = globSync(join(SHIPPED, '*.json'))
  return readControls(
    paths.map((path) => ({ path, json: JSON.parse(readFileSync(path, 'utf8')) as unknown })),
  )
}
