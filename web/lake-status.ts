/** The lake's own status and its retention. A change of it goes to picket-keys, which knows who asks. */
import type { ClientOf, WebCalls } from '../agent/control/keys-client.ts'
import { lakeClient } from '../agent/control/lake-client.ts'
import { connect, type RpcClient } from '../agent/control/rpc.ts'
import { socketPath } from '../agent/control/sockets.ts'
import type { Lake } from './base/ports.ts'

export interface LakeStatusOptions {
  data: string
  retentionDays: number
  keys: Pick<ClientOf<WebCalls>, 'setRetention'>
}

export function lakeStatus({
  data,
  retentionDays,
  keys,
}: LakeStatusOptions): Lake & { close(): void } {
  // biome-ignore format: one line
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
      const status = await lakeClient(await reach()).status()
      const wanted = new Set(tenants.map(({ tenant_uid }) => tenant_uid))
      return {
        ...status,
        tenants: status.tenants.filter(({ tenant_uid }) => wanted.has(tenant_uid)),
        retentionDays,
      }
    },
    wouldRetire: async (change) => (await lakeClient(await reach()).wouldRetire(change)).deletes,
    setRetention: async (token, change) => (await keys.setRetention({ token, ...change })).deleted,
    close: () => void open?.then((rpc) => rpc.close()).catch(() => {}),
  }
}
