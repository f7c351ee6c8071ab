/** What picket-link asks picket-keys in a storm, in a process of its own behind the real sockets: seals and signed acks. */
import { diffieHellman } from 'node:crypto'
import * as v from 'valibot'
import type { Json } from '../../../agent/base/canonical.ts'
import { silentLog } from '../../../agent/base/log.ts'
import { signJson } from '../../../agent/base/signing.ts'
import { serve } from '../../../agent/control/rpc.ts'
import { socketPath } from '../../../agent/control/sockets.ts'
import { sealKeyFromRaw } from '../../../agent/summary/seal.ts'
import { Ack } from '../../../agent/summary/summary.ts'
import { privateKeyOf } from '../../link/fleet.ts'
import { cpuSeconds, readScene } from './scene.ts'

const [folder = ''] = process.argv.slice(2)
const { fleet } = readScene(folder)
const privateKey = privateKeyOf(fleet.sealPrivate)
const identity = privateKeyOf(fleet.primary.identity)

await serve(
  socketPath(folder, 'keys', 'link'),
  {
    openSeal: async (params) => {
      const { ephemeral } = params as { ephemeral: string }
      const publicKey = sealKeyFromRaw(Buffer.from(ephemeral, 'base64'))
      const shared = diffieHellman({ privateKey, publicKey }).toString('base64')
      return { shared, receiverKey: fleet.sealKey }
    },
    sign: async (params) =>
      signJson(identity, 'ack', v.parse(Ack, (params as { body: unknown }).body) satisfies Json),
    anchors: async () => ({ audit_seq: 1, audit_head: null }),
  },
  silentLog,
)
process.on('message', () => process.send?.({ cpuSeconds: cpuSeconds() }))
process.on('disconnect', () => process.exit())
process.send?.('ready')
