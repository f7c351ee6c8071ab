/** QUIC's first datagrams: sealed bytes, and what is inside once they are open. */
import {
  clientKeys,
  findInitial,
  looksLikeQuic,
  openInitial,
  readCrypto,
} from '../../agent/decode/quic.ts'
import { QuicFlow } from '../../agent/flow/app-quic.ts'
import { clientHello } from '../golden/messages.ts'
import { cryptoFrames, quicInitial } from '../traffic/quic-initial.ts'
import { fuzzBytes, recordOrFault } from './fuzz.ts'
import { realTraffic } from './seeds.ts'

const { payloads } = await realTraffic()
const hello = clientHello('mail.example').subarray(5)
const whole = quicInitial(cryptoFrames([[0, hello]]))
const part = quicInitial(cryptoFrames([[40, hello.subarray(40)]]), { number: 1 })
const real = (payloads.get(443) ?? []).filter((bytes) => looksLikeQuic(bytes)).slice(0, 3)

fuzzBytes('quic datagrams', [whole, part, ...real], (bytes) => {
  if (bytes.length >= 6) looksLikeQuic(bytes)
  const initial = findInitial(bytes, 0)
  recordOrFault(initial, (found) => {
    if (found.numberAt > found.end || found.end > bytes.length) throw new Error('outside')
    const keys = clientKeys(found.versionNumber, found.dcid)
    if (keys) openInitial(bytes, found, keys)
  })
  const flow = new QuicFlow({
    transaction: () => {},
    fault: recordOrFault,
    event: () => {},
    expect: () => {},
  })
  for (const datagram of [bytes, part, bytes]) flow.stream(true, datagram)
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
  if (flow.held > 65_536) throw new Error(`${flow.held} bytes are kept`)
  flow.ended()
})
