/** The lake's own status, and the disk it is on. */
import { statfs } from 'node:fs/promises'
import { lakeClient } from '../agent/control/lake-client.ts'
import { connect, type RpcClient } from '../agent/control/rpc.ts'
import { socketPath } from '../agent/control/sockets.ts'
import type { Lake } from './base/ports.ts'

export function lakeStatus(data: string, retentionDays: number): Lake & { close(): void } {
  let open: Promise<RpcClient> | undefined
  const reach = () => {
    open ??= connect(socketPath(data, 'lake', 'web')).then(
      (rpc) => {
        rpc.onClose(() => {
          open = undefined
        })
        return rpc
      },
      (error: unknown) => {
        open = undefined
        throw error
      },
    )
    return open
  }
  return {
    status: async (tenants) => {
      const [status, disk] = await Promise.all([
        reach().then((rpc) => lakeClient(rpc).status()),
        statfs(data).catch(() => undefined),
      ])
      const wanted = new Set(tenants.map(({ tenant_uid }) => tenant_uid))
      return {
        ...status,
        tenants: status.tenants.filter(({ tenant_uid }) => wanted.has(tenant_uid)),
        retentionDays,
        ...(disk
          ? { disk: { totalBytes: disk.blocks * disk.bsize, freeBytes: disk.bavail * disk.bsize } }
          : {}),
      }
    },
    close: () => void open?.then((rpc) => rpc.close()).catch(() => {}),
  }
}
