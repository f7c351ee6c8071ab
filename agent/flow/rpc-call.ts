/** One call of DCE/RPC as it is put together, whichever way its PDUs travel. */
import type { DcerpcCall } from '../decode/records-it.ts'

const NOTHING = new Uint8Array(0)

/** A call of which nothing is known but what is given. */
export function newCall(known: Partial<DcerpcCall> & { id: number; major: 4 | 5 }): DcerpcCall {
  return {
    callId: 0,
    minor: 0,
    activity: '',
    sequence: 0,
    little: false,
    first: true,
    request: undefined,
    response: undefined,
    interfaces: [],
    results: [],
    reasons: [],
    uuid: '',
    version: '',
    accepted: undefined,
    opnum: undefined,
    status: 0,
    requestFragments: 0,
    requestBytes: 0,
    requestStub: NOTHING,
    responseFragments: 0,
    responseBytes: 0,
    responseStub: NOTHING,
    login: undefined,
    challenge: undefined,
    ...known,
  }
}

/** The arguments so far with those of another fragment, up to `max` bytes. */
export function longerStub(before: Uint8Array, stub: Uint8Array, max: number): Uint8Array {
  const room = Math.min(stub.length, max - before.length)
  return room <= 0 ? before : Buffer.concat([before, stub.subarray(0, room)])
}
