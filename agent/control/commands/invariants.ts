/** `picket invariants`: looks for itself at what holds or carries data, and names whatever carries no tenant (T1). */
import { Failure } from '../../base/failure.ts'
import type { TopicsCheck } from '../../link/topics-seen.ts'
import { borrow } from '../borrow.ts'
import { keysForCli } from '../keys-client.ts'
import { lakeClient } from '../lake-client.ts'
import { LinkClient } from '../link-client.ts'
import { connect } from '../rpc.ts'
import { socketPath } from '../sockets.ts'
import {
  cachesWithoutTenant,
  databasesWithoutTenant,
  routesWithoutScope,
  servedRoutes,
  topicsCarried,
} from '../tenant-carriers.ts'
import { filesWithoutTenant, topicsWithoutTenant } from '../tenant-places.ts'
import { type Command, dataFolder, print, printJson, readOptions } from './options.ts'

export const command: Command = {
  usage:
    'picket invariants [--data DIR] [--json]\n\n' +
    'Names every table, lake file, line, file, topic, route and cache key that carries no tenant. Nothing to name: prints nothing,\n' +
    'exit 0; else exit 1.',
  async run(args) {
    const { values, positionals } = readOptions(args, {})
    if (positionals.length > 0)
      throw new Failure('invalid', `picket invariants takes no ${positionals[0]}. Try --help.`)
    const data = dataFolder(values.data)
    const { looked, found } = await borrow({ data, config: values.config }, ['keys', 'lake'], () =>
      lookAt(data, values.config),
    )
    if (values.json) printJson({ looked, withoutTenant: found })
    else if (found.length > 0) print(found.join('\n'))
    if (found.length > 0) process.exitCode = 1
  },
}

async function lookAt(data: string, config: string | undefined) {
  const keys = keysForCli(data)
  const rpc = await connect(socketPath(data, 'lake', 'cli'))
  try {
    const { databases, caches, ...known } = await keys.invariants()
    const lake = await lakeClient(rpc).invariants()
    const all = [...databases, ...lake.databases]
    const disk = filesWithoutTenant(data, known)
    const carried = await topicsOf(data)
    const routes = await servedRoutes(data, config)
    return {
      looked: {
        databases: all.length,
        tables: all.reduce((sum, { tables }) => sum + tables, 0),
        lakeFiles: lake.files,
        files: disk.files,
        topics: carried.seen,
        routes: routes.length,
        cacheKeys: caches.reduce((sum, each) => sum + each.keys, 0),
      },
      found: [
        ...databasesWithoutTenant(data, all),
        ...lake.withoutTenant,
        ...disk.found,
        ...topicsWithoutTenant(),
        ...topicsCarried(carried),
        ...routesWithoutScope(routes),
        ...cachesWithoutTenant(caches),
      ],
    }
  } finally {
    rpc.close()
    keys.close()
  }
}

/** What the broker carried is known while it runs; a box whose picket-link is not up has carried nothing since. */
async function topicsOf(data: string): Promise<TopicsCheck> {
  let link: LinkClient
  try {
    link = await LinkClient.open(data, 'cli')
  } catch {
    return { seen: 0, withoutTenant: [] }
  }
  try {
    return await link.topics()
  } finally {
    link.close()
  }
}
