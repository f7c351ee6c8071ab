/** Decoders of industrial protocols alone: a message or a word, from the bytes of the window only. */
import { decodeBacnet, isBacnet } from '../../agent/decode/bacnet.ts'
import { decodeDnp3, decodeDnp3Link, dnp3FrameBytes } from '../../agent/decode/dnp3.ts'
import { decodeEnip, ENIP_BYTES_MAX, enipBytes } from '../../agent/decode/enip.ts'
import { apduBytes, decodeApdu } from '../../agent/decode/iec104.ts'
import type { IcsMessage } from '../../agent/decode/records.ts'
import { decodeCotp, decodeS7, tpktBytes } from '../../agent/decode/s7.ts'
import { ICS_TALKS } from '../golden/ics-messages.ts'
import { fuzzBytes, recordOrFault, twice } from './fuzz.ts'
import { realTraffic } from './seeds.ts'

const RECORD_CHARS_MAX = 65_536
const { payloads } = await realTraffic()

function fits(answer: IcsMessage | string): void {
  recordOrFault(answer, (message) => {
    const size = JSON.stringify(message).length
    if (size > RECORD_CHARS_MAX) throw new Error(`a message of ${size} characters`)
    if (message.fault) recordOrFault(message.fault)
  })
}

function sizeFits(size: number | string, most: number): void {
  if (typeof size === 'string') recordOrFault(size)
  else if (!(size >= 0 && size <= most)) throw new Error(`a frame of ${size} bytes`)
}

const LINK = { control: 0xc4, dest: 1, src: 2 }
const DNP3_FRAMES = [
  ICS_TALKS.dnp3.question,
  ICS_TALKS.dnp3.answer,
  ...(payloads.get(20_000) ?? []),
]
/** Checksums would keep most mutations from the fragments: these go in without frames. */
const DNP3_FRAGMENTS = [
  'c0050c0117010303016400000064000000 00',
  'c00229012801000500640000000a0128010500 01',
  'e1810000010200000702020202020202021e05000001000000000000000000',
  'e181000020072801000500 01 0000803f 000000000000 02010000010181 1404000000010000',
  'e1810000010200007f'.padEnd(274, '81'),
]

fuzzBytes('dnp3 frames', DNP3_FRAMES, (bytes) => {
  twice(bytes, (memory, start, end) => {
    const size = dnp3FrameBytes(memory, start, end)
    sizeFits(size, 292)
    const link = decodeDnp3Link(memory, start, end)
    recordOrFault(link, ({ data }) => {
      if (data.length > 250) throw new Error('more than a frame holds')
    })
    return [size, link]
  })
})

fuzzBytes(
  'dnp3 fragments',
  DNP3_FRAGMENTS.map((text) => Buffer.from(text.replaceAll(' ', ''), 'hex')),
  (bytes) => {
    for (const toServer of [true, false]) fits(decodeDnp3(bytes, LINK, toServer))
  },
)

const S7 = [
  '3201000000010010000e0401120a10020001000084000050',
  '32010000000100 0e00080501120a1002000100008400005000040010aaaa0000',
  '32010000350000100000 28000000000000fd0000 09505f50524f4752414d',
  '3207000000000008 000c0001120411440100ff09000800110000',
  '7202000031000004ca000000010000000000',
]

fuzzBytes('iso transport', [ICS_TALKS.s7.question, ...(payloads.get(102) ?? [])], (bytes) => {
  twice(bytes, (memory, start, end) => {
    const size = tpktBytes(memory, start, end)
    sizeFits(size, 65_535)
    const cotp = decodeCotp(memory, start, end)
    recordOrFault(cotp, ({ at }) => {
      if (at < start || at > end) throw new Error('a PDU outside')
    })
    return [size, typeof cotp === 'string' ? cotp : cotp.at - start]
  })
})

fuzzBytes(
  's7',
  S7.map((text) => Buffer.from(text.replaceAll(' ', ''), 'hex')),
  (bytes) => {
    twice(bytes, (memory, start, end) => {
      const message = decodeS7(memory, { start, end, toServer: true })
      fits(message)
      return message
    })
  },
)

const { iec104 } = ICS_TALKS
const APDUS = [...apdus(iec104.question), ...apdus(iec104.answer)]

function* apdus(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 2 + (bytes[at + 1] as number))
    yield bytes.subarray(at, at + 2 + (bytes[at + 1] as number))
}

fuzzBytes('iec104', [...APDUS, ...(payloads.get(2404) ?? [])], (bytes) => {
  for (const toServer of [true, false])
    twice(bytes, (memory, start, end) => {
      const size = apduBytes(memory, start, end)
      sizeFits(size, 255)
      const message = decodeApdu(memory, { start, end, toServer })
      fits(message)
      return [size, message]
    })
})

const { enip } = ICS_TALKS
/** Several services, and one wrapped, in one message. */
const WRAPPED = Buffer.concat([
  enip.question.subarray(0, 36),
  Buffer.from(
    '00000000b2001a000a022002240102000600120052022006240 10a0e06000502200124011002200424 01'.replaceAll(
      ' ',
      '',
    ),
    'hex',
  ),
])

fuzzBytes(
  'enip',
  [enip.question, enip.answer, WRAPPED, ...(payloads.get(44_818) ?? [])],
  (bytes) => {
    for (const toServer of [true, false])
      twice(bytes, (memory, start, end) => {
        const size = enipBytes(memory, start, end)
        sizeFits(size, ENIP_BYTES_MAX)
        const message = decodeEnip(memory, { start, end, toServer })
        fits(message)
        return [size, message]
      })
  },
)

const { bacnet } = ICS_TALKS
const ROUTED = Buffer.from('8104001b0a000105bac001280002010700030105ff0c0c023f001955', 'hex')

fuzzBytes(
  'bacnet',
  [bacnet.question, bacnet.answer, ROUTED, ...(payloads.get(47_808) ?? [])],
  (bytes) => {
    if (typeof isBacnet(bytes, true) !== 'boolean') throw new Error('neither yes nor no')
    twice(bytes, (memory, start, end) => {
      const message = decodeBacnet(memory, { start, end, toServer: true })
      fits(message)
      return message
    })
  },
)
