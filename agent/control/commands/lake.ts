/** `picket lake import|export|annex|status|settle|retention`. */

import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { exportPlace } from '../../lake/export-place.ts'
import { borrow } from '../borrow.ts'
import { keysForCli } from '../keys-client.ts'
import { type LakeClient, lakeClient } from '../lake-client.ts'
import { connect } from '../rpc.ts'
import { socketPath } from '../sockets.ts'
import { ANNEX_USAGE, annexAct } from './lake-annex.ts'
import { retention, retentionInWords } from './lake-retention.ts'
import { statusInWords } from './lake-words.ts'
import { type Command, dataFolder, print, printJson, readOptions, required } from './options.ts'

export const command: Command = {
  usage:
    'picket lake status [--data DIR] [--json]\n' +
    'picket lake import --tenant T FILE.ndjson [--annex] [--data DIR] [--json]\n' +
    'picket lake export --tenant T --out FILE.ndjson [--sql "SELECT …"] [--data DIR] [--json]\n' +
    'picket lake settle [--data DIR] [--json]\n' +
    'picket lake retention [--tenant T] [--kind KIND --days N|all] [--yes] [--data DIR] [--json]\n' +
    `${ANNEX_USAGE}\n` +
    'retention says what is kept how long; with --kind and --days what a change would delete, and with --yes does it.\n' +
    'KIND is a kind of row (flow, dns, finding …), or all; --days all lets a kind follow the rule for all again.\n' +
    'import stamps tenant, fleet and ids; a row that names another tenant refuses the whole file. Fields that are no\n' +
    'columns become part of the record, with --annex values of the annex.\n' +
    'annex adds values to events that are in the lake: ask them by `events JOIN annex USING (tenant_id, event_id)`.\n' +
    'export writes what one query gives, in plain text: keep it safe.',
  async run([verb, ...args]) {
    const options = {
      tenant: { type: 'string' },
      out: { type: 'string' },
      sql: { type: 'string' },
      kind: { type: 'string' },
      days: { type: 'string' },
      yes: { type: 'boolean' },
      event: { type: 'string' },
      annex: { type: 'boolean' },
    } as const
    const { values, positionals } = readOptions(args, options)
    const data = dataFolder(values.data)
    const asJson = values.json ?? false
    const at = { data, config: values.config }
    switch (verb) {
      case 'status':
        return say(asJson, await withLake(at, (lake) => lake.status()), statusInWords)
      case 'settle':
        return say(
          asJson,
          await withLake(at, (lake) => lake.settle()),
          ({ rows }) => `${rows} rows settled.`,
        )
      case 'retention':
        return say(asJson, await withLake(at, (lake) => retention(lake, values)), retentionInWords)
      case 'import': {
        const tenant_id = required(values.tenant, 'tenant')
        const path = resolve(required(positionals[0], 'FILE'))
        const annex = values.annex ?? false
        const done = await withLake(at, (lake) => lake.import({ tenant_id, path, annex }))
        return say(asJson, done, ({ rows }) => `${rows} rows imported into ${tenant_id}.`)
      }
      case 'annex': {
        const { ask, inWords } = annexAct(positionals, { tenant: values.tenant, event: values.event }) // biome-ignore format: one line
        return say(asJson, await withLake(at, ask), inWords)
      }
      case 'export': {
        const tenant_id = required(values.tenant, 'tenant')
        const out = exportPlace(resolve(required(values.out, 'out')), data)
        const rows = await exportRows(
          at,
          tenant_id,
          out,
          values.sql ?? 'SELECT * FROM events ORDER BY event_time',
        )
        return say(asJson, { rows }, () => `${rows} rows written to ${out}, unencrypted.`)
      }
      default:
        throw new Failure(
          'invalid',
          'It is picket lake import, export, annex, status, settle or retention. Try --help.',
        )
    }
  },
}

function say<T>(asJson: boolean, answer: T, inWords: (answer: T) => string): void {
  if (asJson) printJson(answer)
  else print(inWords(answer))
}

interface At {
  data: string
  config: string | undefined
}

function withLake<T>(at: At, use: (lake: LakeClient) => Promise<T>): Promise<T> {
  return borrow(at, ['keys', 'lake'], async () => {
    const rpc = await connect(socketPath(at.data, 'lake', 'cli'))
    try {
      return await use(lakeClient(rpc))
    } finally {
      rpc.close()
    }
  })
}

async function exportRows(at: At, tenant_id: string, out: string, sql: string): Promise<number> {
  const answer = await borrow(at, ['keys', 'lake'], async () => {
    const keys = keysForCli(at.data)
    try {
      return await keys.query({ scope: [tenant_id], sql })
    } finally {
      keys.close()
    }
  })
  if (answer.truncated)
    throw new Failure(
      'too-many',
      'The answer is over the bound of one query; narrow it by time with --sql.',
    )
  const lines = answer.rows.map((row) =>
    JSON.stringify(Object.fromEntries(answer.columns.map((name, i) => [name, row[i]]))),
  )
  writeNew(out, lines.length > 0 ? `${lines.join('\n')}\n` : '')
  return lines.length
}

/** Plain text of the lake must not land in a file that others hold open, so never in one that is there. */
function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST')
      throw new Failure('conflict', `${path} exists already. Give --out another name.`, {}, error)
    throw new Failure('invalid', `${path} cannot be written: ${code}.`, { path }, error)
  }
}
