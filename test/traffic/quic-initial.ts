/** QUIC Initial packets (RFC 9001), sealed with the keys that anyone can derive. */
import { createCipheriv } from 'node:crypto'
import { INITIAL_BYTES_MIN, initialKeys } from '../../agent/decode/quic.ts'

const NUMBER_BYTES = 2
const TAG_BYTES = 16
/** Of the header after the id (an empty id and token, the length, the number), and the tag. */
const OTHER_BYTES = 2 + 2 + NUMBER_BYTES + TAG_BYTES

/** CRYPTO frames: pieces of a hello, each with where it belongs. */
export function cryptoFrames(
  pieces: readonly (readonly [offset: number, data: Uint8Array])[],
): Buffer {
  return Buffer.concat(
    pieces.flatMap(([offset, data]) => [
      Buffer.from([6]),
      varint(offset),
      varint(data.length),
      data,
    ]),
  )
}

/** One datagram with one packet of these frames, padded to what a server takes. */
export function quicInitial(
  frames: Uint8Array,
  {
    number = 0,
    version = 1,
    dcid = Buffer.from('8394c8f03e515708', 'hex'),
    side = 'client' as 'client' | 'server',
  } = {},
): Buffer {
  const keys = initialKeys(version, dcid, side)
  if (!keys) throw new Error(`there is no version ${version}`)
  const head = Buffer.from([0, 0, 0, 0, 0, dcid.length])
  head[0] = (version === 1 ? 0xc0 : 0xd0) | (NUMBER_BYTES - 1)
  head.writeUInt32BE(version, 1)
  const padding = Math.max(
    0,
    INITIAL_BYTES_MIN - frames.length - head.length - dcid.length - OTHER_BYTES,
  )
  const plain = Buffer.concat([frames, Buffer.alloc(padding)])
  const length = Buffer.alloc(2)
  length.writeUInt16BE(0x4000 | (NUMBER_BYTES + plain.length + TAG_BYTES))
  // No id of its own, no token.
  const header = Buffer.concat([head, dcid, Buffer.from([0, 0]), length, Buffer.from([0, number])])
  const nonce = Buffer.from(keys.iv)
  nonce[11] = (nonce[11] as number) ^ number
  const sealer = createCipheriv('aes-128-gcm', keys.key, nonce)
  sealer.setAAD(header)
  const sealed = Buffer.concat([sealer.update(plain), sealer.final(), sealer.getAuthTag()])
  const sample = sealed.subarray(4 - NUMBER_BYTES, 20 - NUMBER_BYTES)
  const veil = createCipheriv('aes-128-ecb', keys.mask, null).update(sample)
  header[0] = (header[0] as number) ^ ((veil[0] as number) & 0x0f)
  for (let i = 0; i < NUMBER_BYTES; i++) {
    const at = header.length - NUMBER_BYTES + i
    header[at] = (header[at] as number) ^ (veil[1 + i] as number)
  }
  return Buffer.concat([header, sealed])
}

function varint(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(0x4000 | value)
  return bytes
}
