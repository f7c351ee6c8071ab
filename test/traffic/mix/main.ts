/** Makes a capture, or names the one that was made before: prints its path and what it holds as one line of JSON. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { MIX_VERSION, type MixMade, type MixOptions, makeCapture } from './mix.ts'
import { readRuleContents } from './rule-contents.ts'

export interface Asked extends Pick<MixOptions, 'kind' | 'seed' | 'packets' | 'ruleShare'> {
  folder: string
  /** Files of rules whose literals occur. */
  ruleFiles: readonly string[]
}

/** A capture of the folder, made if it is not there: its name tells seed, count, version and rules. */
export function capture(asked: Asked): MixMade & { path: string } {
  const { folder, kind, seed, packets, ruleFiles, ruleShare } = asked
  mkdirSync(folder, { recursive: true })
  const digest = createHash('sha256')
  for (const file of ruleFiles) digest.update(readFileSync(file))
  const share = ruleShare === undefined ? '' : `-rules${ruleShare}`
  const name = `${kind}-${packets}-seed${seed}${share}-v${MIX_VERSION}-${digest.digest('hex').slice(0, 8)}`
  const path = join(folder, `${name}.pcap`)
  const note = join(folder, `${name}.json`)
  if (!existsSync(path) || !existsSync(note)) {
    const part = `${path}.part`
    const rules = readRuleContents(ruleFiles)
    const made = makeCapture({ path: part, kind, seed, packets, rules, ...(ruleShare !== undefined && { ruleShare }) }) // biome-ignore format: one call
    writeFileSync(note, JSON.stringify(made))
    renameSync(part, path)
  }
  return { path, ...(JSON.parse(readFileSync(note, 'utf8')) as MixMade) }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      folder: { type: 'string', default: join(tmpdir(), 'picket-captures') },
      kind: { type: 'string', default: 'mix' },
      seed: { type: 'string', default: '1' },
      packets: { type: 'string', default: '1000000' },
      rules: { type: 'string', multiple: true, default: [] },
    },
  })
  const made = capture({
    folder: resolve(values.folder),
    kind: values.kind === 'small' ? 'small' : 'mix',
    seed: Number(values.seed),
    packets: Number(values.packets),
    ruleFiles: values.rules,
  })
  process.stdout.write(`${JSON.stringify(made)}\n`)
}
