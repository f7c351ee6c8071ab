/** `picket keys`: what keys there are, and rotation. Never a key, never a shred without its receipt: that comes with shred. */
import { Failure } from '../../base/failure.ts'
import { plural } from '../../health/sentence.ts'
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

const USAGE = `picket keys describe [--data DIR] [--json]
picket keys rotate --tenant T [--data DIR] [--json]
picket keys rotate-root [--data DIR] [--json]

describe: the custodian, its generation, each tenant's key epochs. rotate: what a tenant writes from now on has a new
data key; older epochs stay readable. rotate-root: every wrapped key is wrapped anew and the old root is destroyed.`

interface Inventory {
  tenant_id: string
  locked: string | null
  epochs: { epoch: number; notBefore?: number; notAfter?: number; modules?: number }[]
}

export const command: Command = {
  usage: USAGE,
  async run(args) {
    const { values, positionals } = readOptions(args, { tenant: { type: 'string' } })
    const data = dataFolder(values.data)
    const [verb] = positionals
    await borrow({ data, config: values.config }, ['keys'], async () => {
      const keys = keysForCli(data)
      try {
        if (verb === 'describe') return describe(await keys.describeKeys(), values.json)
        if (verb === 'rotate') {
          const tenant_id = required(values.tenant, 'tenant')
          const { epoch } = await keys.rotateEpoch({ tenant_id })
          if (values.json) return printJson({ tenant_id, epoch })
          return print(`${tenant_id} writes with key epoch ${epoch} from now on.`)
        }
        if (verb === 'rotate-root') {
          const { generation } = await keys.rotateRoot()
          if (values.json) return printJson({ generation })
          return print(`Root key generation ${generation}; the one before it is destroyed.`)
        }
        throw new Failure('invalid', `picket keys takes describe, rotate or rotate-root.`)
      } finally {
        keys.close()
      }
    })
  },
}

function describe(
  { custodian, tenants }: { custodian: unknown; tenants: unknown[] },
  json: boolean | undefined,
): void {
  if (json) {
    printJson({ custodian, tenants })
    return
  }
  const { kind, generation } = custodian as { kind: string; generation: number }
  print(`Custodian: ${kind}, root generation ${generation}.`)
  const rows = (tenants as Inventory[]).map(({ tenant_id, locked, epochs }) => [
    tenant_id,
    locked ?? `${plural(epochs.length, 'epoch')}, the last is ${epochs.at(-1)?.epoch ?? 'none'}`,
  ])
  print(table([['tenant', 'keys'], ...rows]))
}
