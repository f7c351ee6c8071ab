/** The figures of a run, kept where a person can compare them with the tables in the pages. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'

const PATH = fileURLToPath(new URL('../results.json', import.meta.url))

export function keepResults(name: string, figures: object): void {
  const all = existsSync(PATH) ? (JSON.parse(readFileSync(PATH, 'utf8')) as object) : {}
  const [cpu] = cpus()
  const machine = { cpu: cpu?.model, cores: cpus().length, node: process.version }
  const at = new Date().toISOString()
  writeFileSync(
    PATH,
    `${JSON.stringify({ ...all, [name]: { at, machine, ...figures } }, null, 2)}\n`,
  )
}
