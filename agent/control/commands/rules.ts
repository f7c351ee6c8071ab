/** `picket rules check FILE…`: what would load, and why the rest would not. `picket rules add FILE|DIR`: into the site, live. Tuning: `rules-tune.ts`. */
import { copyFileSync, existsSync, globSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { syncFolder } from '../../base/files.ts'
import { checkRules } from '../../detect/signatures/rule-set.ts'
import { readRuleFiles } from '../../rules-on-disk.ts'
import { AgentClient } from '../agent-client.ts'
import { type Command, dataFolder, print, printJson, readOptions } from './options.ts'
import { TUNE_OPTIONS, type TuneValues, tune, tuneAsked, tuned, untune } from './rules-tune.ts'

const SHOWN_MAX = 50

export const command: Command = {
  usage:
    'picket rules check FILE… [--json]\npicket rules add FILE|DIR… [--data DIR] [--json]\n' +
    'picket rules tune RULE_ID --comment WHY [--src|--dest|--either CIDR] [--limit COUNT/SECONDS [--track by_src|by_dst|by_both|by_rule]] [--act disable|comment] [--days N]\n' +
    'picket rules tuned [--json]\npicket rules untune OVERRIDE_ID\n\n' +
    'check says what would load and why the rest would not. add puts files into <data>/rules and tells the running agent.\n' +
    'A file of which nothing loads is refused whole, and the old rules stay.\n' +
    'tune suppresses (for an address, or at all), limits, disables or comments on a rule by its id, through updates; what it holds back is counted.',
  async run([verb, ...args]) {
    const { values, positionals } = readOptions(args, TUNE_OPTIONS)
    refuseTuning(verb, values)
    const asJson = values.json ?? false
    if (verb === 'tuned') return tuned(dataFolder(values.data), asJson)
    if (verb === 'tune' || verb === 'untune') {
      const [id, more] = positionals
      if (id === undefined || more !== undefined)
        throw new Failure(
          'invalid',
          `Name one ${verb === 'tune' ? 'rule' : 'override'} by its id. Try --help.`,
        )
      const data = dataFolder(values.data)
      return verb === 'tune'
        ? tune(data, tuneAsked(id, values, Date.now()), asJson)
        : untune(data, id, asJson)
    }
    if (positionals.length === 0)
      throw new Failure('invalid', 'Name at least one rule file. Try --help.')
    if (verb === 'check' && asJson) return printJson(checkRules(readRuleFiles(positionals)))
    if (verb === 'check') return check(positionals)
    if (verb === 'add') return add(positionals, dataFolder(values.data), asJson)
    throw new Failure(
      'invalid',
      'It is picket rules check, add, tune, tuned or untune. Try --help.',
    )
  },
}

function check(files: string[]): void {
  const { total, loaded, refused } = checkRules(readRuleFiles(files))
  print(`${loaded.toLocaleString('en')} of ${total.toLocaleString('en')} rules load.`)
  for (const { file, line, sid, keyword, reason } of refused.slice(0, SHOWN_MAX))
    print(`${file}:${line}: sid ${sid ?? '?'}: ${keyword ? `${keyword}: ` : ''}${reason}`)
  if (refused.length > SHOWN_MAX)
    print(`… and ${refused.length - SHOWN_MAX} more; --json lists all.`)
}

async function add(given: string[], data: string, asJson: boolean): Promise<void> {
  if (!existsSync(join(data, 'platform.db')))
    throw new Failure('not-found', `${data} holds no Picket data, so it has no rules to add to.`)
  const files = given.flatMap(filesOf)
  const names = files.map((file) => basename(file))
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined)
    throw new Failure('invalid', `Two of these files are named ${twice}; a site holds a name once.`)
  const sources = readRuleFiles(files)
  for (const source of sources)
    if (checkRules([source]).loaded === 0)
      throw new Failure(
        'invalid',
        `No rule of ${source.path} loads, so nothing was added. See: picket rules check ${source.path}`,
      )
  const { loaded, refused } = checkRules(sources)
  const folder = join(data, 'rules')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const file of files) {
    const part = join(folder, `.${basename(file)}.part`)
    copyFileSync(file, part)
    renameSync(part, join(folder, basename(file)))
  }
  syncFolder(folder)
  const live = await tellAgent(data)
  if (asJson) return printJson({ loaded, refused, live })
  print(
    `${loaded} rules added, ${refused.length} refused; ${live ? 'in force now' : 'in force when the agent starts'}.`,
  )
}

function filesOf(path: string): string[] {
  if (!existsSync(path)) throw new Failure('invalid', `${path} does not exist.`, { path })
  if (!statSync(path).isDirectory()) return [path]
  const found = globSync(join(path, '**/*.rules')).sort()
  if (found.length === 0) throw new Failure('invalid', `${path} holds no .rules file.`, { path })
  return found
}

async function tellAgent(data: string): Promise<boolean> {
  try {
    const agent = await AgentClient.open(data, 'cli')
    await agent.reloadRules()
    agent.close()
    return true
  } catch (error) {
    if (Failure.kindOf(error) === 'unavailable') return false
    throw error
  }
}

/** Options that only one of the verbs has. */
function refuseTuning(verb: string | undefined, values: TuneValues): void {
  const given = Object.keys(TUNE_OPTIONS).find((name) => values[name as keyof TuneValues])
  if (verb !== 'tune' && given !== undefined)
    throw new Failure('invalid', `--${given} belongs to picket rules tune. Try --help.`)
}
