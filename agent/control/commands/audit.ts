/** `picket audit`: what was done on this box and by whom, and whether the trail is whole. */
import { Failure } from '../../base/failure.ts'
import { visible } from '../../base/text.ts'
import { borrow } from '../borrow.ts'
import { keysForCli } from '../keys-client.ts'
import { type Command, dataFolder, print, printJson, readOptions } from './options.ts'

const LIMIT = 50

const USAGE = `picket audit list [--limit N] [--before SEQ] [--data DIR] [--json]
picket audit verify [--data DIR] [--json]

list: newest first, one sentence a line. verify: checks the chain and its checkpoints; exit 3 when it was changed.`

export const command: Command = {
  usage: USAGE,
  async run(args) {
    const { values, positionals } = readOptions(args, {
      limit: { type: 'string' },
      before: { type: 'string' },
    })
    const data = dataFolder(values.data)
    const [verb] = positionals
    await borrow({ data, config: values.config }, ['keys'], async () => {
      const keys = keysForCli(data)
      try {
        if (verb === 'list') {
          const limit = number(values.limit, 'limit') ?? LIMIT
          const before = number(values.before, 'before')
          const page = await keys.auditList({ limit, ...(before !== undefined && { before }) })
          if (values.json) return printJson(page)
          for (const { seq, at, sentence } of page.items)
            print(`${seq}  ${at}  ${visible(sentence)}`)
          return
        }
        if (verb !== 'verify') throw new Failure('invalid', 'picket audit takes list or verify.')
        const check = await keys.auditVerify()
        if (values.json) printJson(check)
        else print(check.sentence)
        if (!check.intact) throw new Failure('refused', 'The audit trail does not verify.')
      } finally {
        keys.close()
      }
    })
  },
}

function number(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw new Failure('invalid', `--${name} takes a whole number.`)
  return Number(text)
}
