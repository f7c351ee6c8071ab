/** First datagrams of QUIC, sealed bytes and what is inside once they are open, and of DTLS. */
import { decodeDtlsRecord, isDtlsHello, readDtlsFragments } from '../../agent/decode/dtls.ts'
import { decodeGoogleHello, isGoogleQuic } from '../../agent/decode/gquic.ts'
import {
  findInitial,
  initialKeys,
  looksLikeQuic,
  openInitial,
  readCrypto,
} from '../../agent/decode/quic.ts'
import { DtlsFlow } from '../../agent/flow/app-dtls.ts'
import { QuicFlow } from '../../agent/flow/app-quic.ts'
import { clientHello, dtlsHello, dtlsServer } from '../golden/messages.ts'
import { cryptoFrames, quicInitial } from '../traffic/quic-initial.ts'
import { fuzzBytes, recordOrFault } from './fuzz.ts'
import { realTraffic } from './seeds.ts'

const { payloads } = await realTraffic()
const hello = clientHello('mail.example').subarray(5)
const whole = quicInitial(cryptoFrames([[0, hello]]))
const part = quicInitial(cryptoFrames([[40, hello.subarray(40)]]), { number: 1 })
const real = (payloads.get(443) ?? []).filter((bytes) => looksLikeQuic(bytes)).slice(0, 3)

const GOOGLE = [
  Buffer.from(
    `0d0102030405060708${Buffer.from('Q043').toString('hex')}01${'aa'.repeat(12)}a001000443484c4f01000000534e490004000000` +
      `612e62${'00'.repeat(64)}`,
    'hex',
  ),
]

fuzzBytes('quic datagrams', [whole, part, ...GOOGLE, ...real], (bytes) => {
  if (bytes.length >= 6) looksLikeQuic(bytes)
  if (isGoogleQuic(bytes) && (decodeGoogleHello(bytes)?.sni.length ?? 0) > 255)
    throw new Error('a name of more than it may have')
  const initial = findInitial(bytes, 0)
  recordOrFault(initial, (found) => {
    if (found.numberAt > found.end || found.end > bytes.length) throw new Error('outside')
    const keys = initialKeys(found.versionNumber, found.dcid, 'client')
    if (keys) openInitial(bytes, found, keys)
  })
  const flow = new QuicFlow({
    transaction: () => {},
    fault: recordOrFault,
    event: () => {},
    expect: () => {},
  })
  for (const datagram of [bytes, part, bytes]) flow.stream(true, datagram)
  flow.stream(false, bytes)
  flow.ended()
  if (flow.held !== 0) throw new Error(`${flow.held} bytes stayed`)
})

const ACK = Buffer.from('0205000201000100', 'hex')
const FRAMES = [
  cryptoFrames([[0, hello]]),
  Buffer.concat([
    Buffer.from([1, 0, 0]),
    ACK,
    cryptoFrames([
      [40, hello.subarray(40)],
      [0, hello],
    ]),
  ]),
]

/** Mutations of what is sealed are thrown away by the seal: these are sealed after. */
fuzzBytes('quic frames', FRAMES, (frames) => {
  let bytes = 0
  const count = (data: Buffer) => {
    bytes += data.length
  }
  recordOrFault(readCrypto(frames, (_, data) => count(data)))
  if (bytes > frames.length) throw new Error('more than there was')
  const flow = new QuicFlow({
    transaction: () => {},
    fault: recordOrFault,
    event: () => {},
    expect: () => {},
  })
  const number = frames.length & 0xff
  if (frames.length < 8192) flow.stream(true, quicInitial(frames, { number }))
  if (frames.length < 8192) flow.stream(false, quicInitial(frames, { number, side: 'server' }))
  if (flow.held > 65_536) throw new Error(`${flow.held} bytes are kept`)
  flow.ended()
})

fuzzBytes('dtls datagrams', [...dtlsHello('mail.example', [40]), dtlsServer], (bytes) => {
  isDtlsHello(bytes)
  recordOrFault(decodeDtlsRecord(bytes, 0), ({ body, end }) => {
    if (end > bytes.length) throw new Error('outside')
    recordOrFault(readDtlsFragments(body, () => {}))
  })
  const flow = new DtlsFlow({
    transaction: () => {},
    fault: recordOrFault,
    event: () => {},
    expect: () => {},
  })
  for (const toServer of [true, false, true]) flow.stream(toServer, bytes)
  if (flow.held > 16 * 16_384) throw new Error(`${flow.held} bytes are kept`)
  flow.ended()
  if (flow.held !== 0) throw new Error(`${flow.held} bytes stayed`)
})
