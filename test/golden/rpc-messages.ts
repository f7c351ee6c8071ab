/** PDUs of DCE/RPC, built from C706. */
import { ntlmLogin } from './smb-messages.ts'

const FIRST_AND_LAST = 3
export const EPMAPPER = 'e1af8308-5d1f-11c9-91a4-08002b14a0fa'
const EPMAPPER_BYTES = Buffer.from('0883afe11f5dc91191a408002b14a0fa', 'hex')

interface Pdu {
  type: number
  callId: number
  flags?: number
  auth?: Buffer
}

export function rpcPdu({ type, callId, flags = FIRST_AND_LAST, auth }: Pdu, body: Buffer): Buffer {
  const head = Buffer.from([5, 0, type, flags, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  const verifier = auth
    ? Buffer.concat([Buffer.of(10, 2, 0, 0, 0, 0, 0, 0), auth])
    : Buffer.alloc(0)
  head.writeUInt16LE(head.length + body.length + verifier.length, 8)
  head.writeUInt16LE(auth?.length ?? 0, 10)
  head.writeUInt32LE(callId, 12)
  return Buffer.concat([head, body, verifier])
}

const bindHead = Buffer.from('b810b81000000000' + '01000000', 'hex')
const context = Buffer.concat([Buffer.from('07000100', 'hex'), EPMAPPER_BYTES, Buffer.from('03000000', 'hex'), Buffer.alloc(20, 9)]) // biome-ignore format: one context
const accepted = Buffer.concat([Buffer.from('b810b81000000000' + '040031333500' + '0000', 'hex'), Buffer.from('01000000', 'hex'), Buffer.alloc(24)]) // biome-ignore format: one answer

/** A call of the interface that was bound as context 7. */
export function rpcCall(opnum: number, stub: number): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt16LE(7, 4)
  head.writeUInt16LE(opnum, 6)
  return Buffer.concat([head, Buffer.alloc(stub, 1)])
}

const fault = Buffer.alloc(12)
fault.writeUInt32LE(5, 8)

export const RPC_ASKED = [
  rpcPdu({ type: 11, callId: 1 }, Buffer.concat([bindHead, context])),
  rpcPdu({ type: 16, callId: 1, auth: ntlmLogin('OFFICE', 'anna', 'FRONT-DESK') }, Buffer.alloc(4)),
  Buffer.concat([
    rpcPdu({ type: 0, callId: 2, flags: 1 }, rpcCall(3, 40)),
    rpcPdu({ type: 0, callId: 2, flags: 2 }, rpcCall(3, 20)),
  ]),
  rpcPdu({ type: 0, callId: 3 }, rpcCall(2, 10_000)),
]

export const RPC_ANSWERED = [
  rpcPdu({ type: 12, callId: 1 }, accepted),
  Buffer.alloc(0),
  Buffer.concat([
    rpcPdu({ type: 2, callId: 2, flags: 1 }, rpcCall(0, 8)),
    rpcPdu({ type: 2, callId: 2, flags: 2 }, rpcCall(0, 8)),
  ]),
  rpcPdu({ type: 3, callId: 3 }, fault),
]
