/** The lake's own status and its retention, from picket-keys, which knows who asks and what they see. */
import type { ClientOf, WebCalls } from '../agent/control/keys-client.ts'
import type { Lake } from './base/ports.ts'

type Keys = Pick<ClientOf<WebCalls>, 'lakeStatus' | 'wouldRetire' | 'setRetention'>

export function lakeStatus(keys: Keys, retentionDays: number): Lake {
  return {
    status: async ({ token, scope }) => ({
      ...(await keys.lakeStatus({ token, scope: [...scope] })),
      retentionDays,
    }),
    wouldRetire: async (token, change) => (await keys.wouldRetire({ token, ...change })).deletes,
    setRetention: async (token, change) => (await keys.setRetention({ token, ...change })).deleted,
  }
}
