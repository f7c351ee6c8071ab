/** Where rules are: those shipped with Picket, and those the site added. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure } from './base/failure.ts'
import type { RuleFile } from './detect/signatures/rule-files.ts'
import { type Loaded, RuleLoading, type RuleSet } from './detect/signatures/rule-set.ts'
import { defaultVariables } from './detect/signatures/variables.ts'
import { INSPECTION, type Inspection } from './inspection.ts'

const SHIPPED = fileURLToPath(new URL('../rules', import.meta.url))
const FILES_MAX = 1000

export function shippedRuleFiles(): string[] {
  return globSync(join(SHIPPED, '*/*.rules')).sort()
}

/** Shipped rules, then the site's own in `<data>/rules`. */
export function siteRuleFiles(data: string): string[] {
  const own = join(data, 'rules')
  const added = existsSync(own) ? globSync(join(own, '**/*.rules')).sort() : []
  return [...shippedRuleFiles(), ...added].slice(0, FILES_MAX)
}

/** The newest change of any of these files, milliseconds since 1970; what "rules are N days old" stands on. */
export function newestRuleMs(files: readonly string[]): number {
  return Math.max(0, ...files.map((file) => statSync(file).mtimeMs))
}

export function loadRules(
  files: readonly string[],
  home: readonly string[],
  inspection: RuleSettings = INSPECTION,
): Loaded {
  const loading = startLoading(files, home, inspection)
  for (;;) {
    const loaded = loading.step(Number.POSITIVE_INFINITY)
    if (loaded) return loaded
  }
}

type RuleSettings = Pick<Inspection, 'vars' | 'action_order'>

/** The same a little at a time, for who has packets to look at meanwhile. */
export function startLoading(
  files: readonly string[],
  home: readonly string[],
  { vars, action_order }: RuleSettings,
  before?: RuleSet,
): RuleLoading {
  const { addresses, ports } = defaultVariables(home)
  const variables = {
    addresses: { ...addresses, ...vars['address-groups'] },
    ports: { ...ports, ...vars['port-groups'] },
  }
  return new RuleLoading(readRuleFiles(files), {
    variables,
    actionOrder: action_order,
    before,
  })
}

export function readRuleFiles(files: readonly string[]): RuleFile[] {
  return files.map((path) => {
    try {
      const shipped = path.startsWith(`${SHIPPED}/`)
      return { path, text: readFileSync(path, 'utf8'), shipped }
    } catch (error) {
      throw new Failure('invalid', `The rule file ${path} cannot be read.`, { path }, error)
    }
  })
}
