/** `picket query`: a question to the lake, answered by a cell that holds the keys of its scope and no others. */
import { borrow } from '../borrow.ts'
import { keysForCli } from '../keys-client.ts'
import {
  type Command,
  dataFolder,
  print,
  printJson,
  readOptions,
  required,
  table,
} from './options.ts'

const CELL_CHARS_MAX = 60

export const command: Command = {
  usage:
    'picket query --scope TENANT[,TENANT…] --sql "SELECT …" [--partial] [--data DIR] [--json]\n\n' +
    'Asks the views `events` and `annex` (tenant_id, event_id, name, value, value_type, number). Only SELECT. --partial answers with the gaps named when a file is missing.',
  async run(args) {
    const options = {
      scope: { type: 'string' },
      sql: { type: 'string' },
      partial: { type: 'boolean' },
    } as const
    const { values } = readOptions(args, options)
    const scope = required(values.scope, 'scope').split(',')
    const sql = required(values.sql, 'sql')
    const data = dataFolder(values.data)
    const answer = await borrow({ data, config: values.config }, ['keys', 'lake'], async () => {
      const keys = keysForCli(data)
      try {
        return await keys.query({ scope, sql, partial: values.partial ?? false })
      } finally {
        keys.close()
      }
    })
    if (values.json) return printJson(answer)
    print(table([answer.columns, ...answer.rows.map((row) => row.map(cell))]))
    const notes = [`scope: ${answer.scope.join(', ')}`, `${answer.rows.length} rows`]
    if (answer.truncated) notes.push('cut at the bound')
    if (answer.gaps && answer.gaps.length > 0) notes.push(`gaps: ${answer.gaps.join(', ')}`)
    process.stderr.write(`${notes.join(' · ')}\n`)
  },
}

function cell(value: unknown): string {
  const text =
    value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text.length > CELL_CHARS_MAX ? `${text.slice(0, CELL_CHARS_MAX - 1)}…` : text
}
