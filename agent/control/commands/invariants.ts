/** `picket invariants`: whatever carries no tenant is named (T1). The routes of the pages are held by their own test. */
import { Failure } from '../../base/failure.ts'
import { borrow } from '../borrow.ts'
import { keysForCli } from '../keys-client.ts'
import { lakeClient } from '../lake-client.ts'
import { connect } from '../rpc.ts'
import { socketPath } from '../sockets.ts'
import { filesWithoutTenant, topicsWithoutTenant } from '../tenant-places.ts'
import { type Command, dataFolder, print, printJson, readOptions } from './options.ts'

export const command: Command = {
  usage:
    'picket invariants [--data DIR] [--json]\n\n' +
    'Names every table, lake file, line, file and topic that carries no tenant. Nothing to name: prints nothing, exit 0; else exit 1.',
  async run(args) {
    const { values, positionals } = readOptions(args, {})
    if (positionals.length > 0)
      throw new Failure('invalid', `picket invariants takes no ${positionals[0]}. Try --help.`)
    const data = dataFolder(values.data)
    const { looked, found } = await borrow({ data, config: values.config }, ['keys', 'lake'], () =>
      lookAt(data),
    )
    if (values.json) printJson({ looked, withoutTenant: found })
    else if (found.length > 0) print(found.join('\n'))
    if (found.length > 0) process.exitCode = 1
  },
}

async function lookAt(data: string) {
  const keys = keysForCli(data)
  const rpc = await connect(socketPath(data, 'lake', 'cli'))
  try {
    const { databases, ...known } = await keys.invariants()
    const lake = await lakeClient(rpc).invariants()
    const all = [...databases, ...lake.databases]
    const disk = filesWithoutTenant(data, known)
    const topics = topicsWithoutTenant()
    return {
      looked: {
        databases: all.length,
        tables: all.reduce((sum, { tables }) => sum + tables, 0),
        lakeFiles: lake.files,
        files: disk.files,
      },
      found: [
        ...all.flatMap(({ file, withoutTenant }) =>
          withoutTenant.map((table) => `${file} table ${table} has rows without tenant_id`),
        ),
        ...lake.withoutTenant,
        ...disk.found,
        ...topics,
      ],
    }
  } finally {
    rpc.close()
    keys.close()
  }
}
