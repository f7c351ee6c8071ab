/** What the commands share: options by node:util, where the data folder is, how a result is printed. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { Failure } from '../../base/failure.ts'

export type { Command } from '../../cli.ts'

type Options = NonNullable<ParseArgsConfig['options']>

const COMMON = {
  data: { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
} as const satisfies Options

/** Options and operands; an unknown option is a usage failure that says so. */
export function readOptions<const T extends Options>(args: string[], options: T) {
  try {
    return parseArgs({
      args,
      options: { ...COMMON, ...options },
      allowPositionals: true,
      strict: true,
    })
  } catch (error) {
    // Only the first sentence: the second explains how to pass operands that begin with a dash.
    const [what = ''] = (error as Error).message.split(/\.\s|\n/)
    throw new Failure('invalid', `${what.replace(/\.$/, '')}. Try --help.`, {}, error)
  }
}

/** `--data DIR`, else PICKET_DATA, else /var/lib/picket. */
export function dataFolder(given: string | undefined): string {
  return given ?? process.env.PICKET_DATA ?? '/var/lib/picket'
}

export function required(value: string | undefined, name: string): string {
  if (value === undefined || value === '')
    throw new Failure('invalid', `--${name} is missing. Try --help.`)
  return value
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value))
}

/** Columns padded to their widest cell, two spaces between. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
