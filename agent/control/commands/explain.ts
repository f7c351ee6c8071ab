/** `picket explain RULE --capture F`: which condition of a rule stopped it, and on which packet. */
import { readFileSync } from 'node:fs'
import { Failure } from '../../base/failure.ts'
import { openFile } from '../../capture/file.ts'
import { Overrides } from '../../detect/overrides.ts'
import { explain, explanationWords } from '../../explain.ts'
import { readInspection } from '../../inspection.ts'
import { readRuleFiles, shippedRuleFiles, siteRuleFiles } from '../../rules-on-disk.ts'
import { AgentClient } from '../agent-client.ts'
import { type Command, print, printJson, readOptions } from './options.ts'

const HOME = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']

export const command: Command = {
  usage:
    'picket explain RULE --capture FILE… [--rules FILE]… [--home-net CIDR,…] [--options F] [--overrides F] [--data DIR] [--json]\n\n' +
    'Runs the rule over captures, one condition more at a time, and says which one never held and where those before it did.\n' +
    'RULE is sid:2012345 or the number. Without --rules it is looked for in the shipped content; with --data also among the\n' +
    "site's own, and the site's tuning is told (its agent must be up).",
  async run(args) {
    const { values, positionals } = readOptions(args, {
      capture: { type: 'string', multiple: true },
      rules: { type: 'string', multiple: true },
      'home-net': { type: 'string' },
      options: { type: 'string' },
      overrides: { type: 'string' },
    })
    const [rule, ...more] = positionals
    const captures = values.capture ?? []
    if (rule === undefined || more.length > 0)
      throw new Failure('invalid', 'Name one rule, such as sid:2012345. Try --help.')
    if (captures.length === 0)
      throw new Failure('invalid', 'Name a capture with --capture FILE. Try --help.')
    const files = values.rules ?? (values.data ? siteRuleFiles(values.data) : shippedRuleFiles())
    const overrides = await overridesFor(values)
    const found = await explain({
      rule,
      ruleFiles: readRuleFiles(files),
      home: values['home-net']?.split(',') ?? HOME,
      ...(overrides && { overrides }),
      ...(values.options !== undefined && { inspection: readInspection(values.options) }),
      capture: async function* () {
        for (const file of captures) yield openFile(file)
      },
    })
    if (values.json) printJson(found)
    else print(explanationWords(found).join('\n'))
  },
}

async function overridesFor(values: {
  overrides?: string
  data?: string
}): Promise<Overrides | undefined> {
  if (values.overrides !== undefined) return readOverrides(values.overrides)
  if (values.data === undefined) return undefined
  const agent = await AgentClient.open(values.data, 'cli')
  try {
    return Overrides.read((await agent.tuning()).overrides)
  } finally {
    agent.close()
  }
}

/** What `picket rules tuned --json` printed, or its list alone. */
export function readOverrides(path: string): Overrides {
  try {
    const read = JSON.parse(readFileSync(path, 'utf8')) as { overrides?: unknown }
    return Overrides.read(Array.isArray(read) ? read : read.overrides)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('invalid', `${path} cannot be read as overrides.`, { path }, error)
  }
}
