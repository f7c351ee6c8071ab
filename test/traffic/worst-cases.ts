/**
 * Traffic without end that is made to cost: many flows, pieces that never become whole, rules that nearly match. Each case
 * gives its i-th frame, whatever i is, in memory of its own: it is valid until the next one.
 */
import { gzipSync } from 'node:zlib'
import { TCP } from '../../agent/decode/packet.ts'
import { Chance } from './chance.ts'
import { ethernet, ip, ipv4Header, tcp, tcpConversation, udp } from './frames.ts'

export interface WorstCase {
  what: string
  /** Suricata syntax; none where the shipped ones do. */
  rules?(): string
  /** Of the i-th frame. */
  frames(seed: number): (i: number) => Uint8Array
  /** The counter or the fault that says that something was shed, where the case is made to reach a bound. */
  sheds?: string
}

const ENDS = { src: '10.0.0.5', dest: '10.0.1.10', srcPort: 40_000, destPort: 80 }
const SRC_AT = 14 + 12
const PORT_AT = 14 + 20
const SEQ_AT = PORT_AT + 4
const ID_AT = 14 + 4
const RULES = 10_000

/** A frame of which each has another client: 2^24 addresses, then other ports. */
function newClient(frame: Buffer): (i: number) => Uint8Array {
  return (i) => {
    frame.writeUInt32BE(0x0a00_0000 + (i & 0xff_ffff), SRC_AT)
    frame.writeUInt16BE(1024 + ((i >>> 24) & 0x7fff), PORT_AT)
    return frame
  }
}

/** A conversation that goes on: its frames once, then the last of them again with the sequence moved on. */
function goesOn(start: readonly Buffer[], more: Buffer, step: number): (i: number) => Uint8Array {
  const from = more.readUInt32BE(SEQ_AT)
  return (i) => {
    if (i < start.length) return start[i] as Buffer
    more.writeUInt32BE((from + (i - start.length) * step) >>> 0, SEQ_AT)
    return more
  }
}

const handshake = (port: number) =>
  tcpConversation({ ...ENDS, destPort: port }, []).slice(0, 3) as [Buffer, Buffer, Buffer]

/** The client says `payload` again and again. */
function says(payload: Uint8Array | string, port = 80, first = ''): (i: number) => Uint8Array {
  const ends = { ...ENDS, destPort: port }
  const flags = TCP.PSH | TCP.ACK
  const begin = tcp(ends, { seq: 1001, ack: 5001, flags, payload: first || payload })
  const seq = 1001 + (first || payload).length
  const more = tcp(ends, { seq, ack: 5001, flags, payload })
  return goesOn([...handshake(port), begin], more, payload.length)
}

const rules = (count: number, options: (i: number) => string) =>
  Array.from(
    { length: count },
    (_, i) => `alert tcp any any -> any any (msg:"r"; ${options(i)} sid:${i + 1}; rev:1;)`,
  ).join('\n')

const letters = (i: number) =>
  Array.from({ length: 4 }, (_, k) => String.fromCharCode(98 + ((i >> (k * 4)) & 15))).join('')

/** Whole conversations one after the other, each from a port of its own. */
function conversations(turns: Parameters<typeof tcpConversation>[1], port: number) {
  const frames = tcpConversation({ ...ENDS, destPort: port }, turns)
  const fromClient = frames.map((frame) => frame.readUInt16BE(PORT_AT) === ENDS.srcPort)
  return (i: number): Uint8Array => {
    const at = i % frames.length
    const frame = frames[at] as Buffer
    const client = 1024 + (Math.floor(i / frames.length) % 60_000)
    frame.writeUInt16BE(client, fromClient[at] ? PORT_AT : PORT_AT + 2)
    return frame
  }
}

const bomb = gzipSync(Buffer.alloc(30_000_000))

export const WORST_CASES: Readonly<Record<string, WorstCase>> = {
  'tiny-flows': {
    what: 'UDP of one byte, each from another client',
    frames: () => newClient(udp({ ...ENDS, destPort: 9999 }, 'x')),
    sheds: 'flowsEvicted',
  },
  'syn-flood': {
    what: 'SYN, each from another client, to an open port',
    frames: () => newClient(tcp(ENDS, { seq: 1, flags: TCP.SYN })),
    sheds: 'flowsEvicted',
  },
  'dns-flood': {
    what: 'DNS questions for another name each, from another client each',
    frames: (seed) => {
      const chance = new Chance(seed)
      const head = Buffer.from('0001010000010000000000000a', 'hex')
      const frame = udp(
        { ...ENDS, destPort: 53 },
        Buffer.concat([head, Buffer.from('abcdefghij'), Buffer.from('0000010001', 'hex')]),
      )
      const nameAt = 14 + 20 + 8 + head.length
      const next = newClient(frame)
      return (i) => {
        frame.write(chance.word(10), nameAt, 'latin1')
        return next(i)
      }
    },
    sheds: 'flowsEvicted',
  },
  'first-fragments': {
    what: 'first fragments of datagrams that never become whole',
    frames: () => {
      const body = Buffer.alloc(64)
      const header = ipv4Header(ENDS, 17, body.length, { moreFragments: true })
      const frame = ethernet(0x0800, Buffer.concat([header, body]))
      return (i) => {
        frame.writeUInt16BE(i & 0xffff, ID_AT)
        frame.writeUInt32BE(0x0a00_0000 + (i >>> 16), SRC_AT)
        return frame
      }
    },
    sheds: 'fragmentsEvicted',
  },
  'overlapping-fragments': {
    what: 'fragments of eight bytes, each twice with other bytes, never the last one',
    frames: () => {
      const body = Buffer.alloc(16)
      const header = ipv4Header(ENDS, 17, body.length, { moreFragments: true })
      const frame = ethernet(0x0800, Buffer.concat([header, body]))
      return (i) => {
        frame.writeUInt16BE(Math.floor(i / 4000) & 0xffff, ID_AT)
        frame.writeUInt16BE(0x2000 | ((i % 4000) * 2), ID_AT + 2)
        frame[frame.length - 1] = i & 255
        return frame
      }
    },
  },
  'overlapping-segments': {
    what: 'segments that wait behind a hole and overlap with other bytes',
    frames: () => {
      const flags = TCP.PSH | TCP.ACK
      const more = tcp(ENDS, { seq: 2000, ack: 5001, flags, payload: Buffer.alloc(600) })
      const start = handshake(80)
      return (i) => {
        if (i < start.length) return start[i] as Buffer
        more.writeUInt32BE(2000 + (((i * 7919) % 200) * 250 + (i % 3)), SEQ_AT)
        more[more.length - 1] = i & 255
        return more
      }
    },
    sheds: 'stream-overlap',
  },
  holes: {
    what: 'every second segment, of many flows: each waits for one that never comes',
    frames: () => {
      const flags = TCP.PSH | TCP.ACK
      const more = tcp(ENDS, { seq: 2000, ack: 5001, flags, payload: Buffer.alloc(1400) })
      return (i) => {
        more.writeUInt16BE(1024 + (i % 20_000), PORT_AT)
        more.writeUInt32BE((2000 + Math.floor(i / 20_000) * 2800) >>> 0, SEQ_AT)
        return more
      }
    },
    sheds: 'flowsIncomplete',
  },
  'deep-headers': {
    what: 'requests of HTTP with 60 KB of short headers',
    frames: () => {
      const text = `GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(10_000)}\r\n`
      return conversations([{ from: 'client', data: text }], 80)
    },
    sheds: 'headers-too-long',
  },
  pipelined: {
    what: 'requests of HTTP, the shortest there are, packed into full segments',
    frames: () => says('GET / HTTP/1.0\r\n\r\n'.repeat(77)),
    sheds: 'transactions-full',
  },
  'gzip-bombs': {
    what: 'answers of HTTP of 30 KB that unpack to 30 MB',
    frames: () =>
      conversations(
        [
          { from: 'client', data: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' },
          {
            from: 'server',
            data: Buffer.concat([
              Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`), // biome-ignore format: one line
              bomb,
            ]),
          },
        ],
        80,
      ),
    sheds: 'body-too-long',
  },
  'all-candidates': {
    what: '10,000 rules whose literal is in every segment, and whose second is not',
    rules: () => rules(RULES, (i) => `content:"abcdefgh"; content:"absent${i}"; distance:0;`),
    frames: () => says(`${'.'.repeat(600)}abcdefgh${'.'.repeat(600)}`, 9000),
    sheds: 'inspectionsIncomplete',
  },
  'near-patterns': {
    what: '10,000 literals that share all but their last letters, and bytes that nearly are each of them',
    rules: () => rules(RULES, (i) => `content:"aaaaaaaaaaaaaaaaaaaaaaaa${letters(i)}";`),
    frames: () =>
      says(Array.from({ length: 100 }, (_, i) => `aaaaaaaaaa${letters(i * 97)}`).join(''), 9000),
  },
  'common-literals': {
    what: '2,000 rules with a literal of one byte that is everywhere, and a second that is nowhere',
    rules: () => rules(2000, (i) => `content:"e"; fast_pattern; content:"|00|${i}"; within:8;`),
    frames: () => says('e'.repeat(1400), 9000),
    sheds: 'inspectionsIncomplete',
  },
  'backtracking-contents': {
    what: 'a chain of relative contents that may begin anywhere and never ends',
    rules: () =>
      rules(10, () => `${'content:"a"; distance:0; '.repeat(12).replace('distance:0; ', '')}content:"b"; distance:0;`), // biome-ignore format: one line
    frames: () => says('a'.repeat(1400), 9000),
  },
  'regex-bombs': {
    what: 'a regular expression that doubles its work with each letter',
    rules: () => rules(10, () => 'content:"start"; pcre:"/(a+)+(b|c+)+$/R";'),
    frames: () => says(`start${'a'.repeat(1390)}!`, 9000),
    sheds: 'inspectionsIncomplete',
  },
  tunnels: {
    what: 'VXLAN in VXLAN in VXLAN, each of the innermost from another client',
    frames: () => {
      const vxlan = Buffer.from('0800000000000100', 'hex')
      const inner = udp({ ...ENDS, destPort: 9999 }, 'x')
      let frame: Buffer = inner
      for (let depth = 0; depth < 3; depth++)
        frame = udp({ ...ENDS, destPort: 4789 }, Buffer.concat([vxlan, frame]))
      const at = frame.length - inner.length + SRC_AT
      return (i) => {
        frame.writeUInt32BE(0x0a00_0000 + (i & 0xff_ffff), at)
        return frame
      }
    },
    sheds: 'flowsEvicted',
  },
  garbage: {
    what: 'IPv4 with random bytes from its protocol number on',
    frames: (seed) => {
      const chance = new Chance(seed)
      const frame = ip(ENDS, 17, Buffer.alloc(200))
      return (i) => {
        frame[14 + 9] = chance.int(0, 255)
        for (let k = 0; k < 16; k++) frame[14 + 20 + ((i * 16 + k) % 200)] = chance.int(0, 255)
        return frame
      }
    },
  },
}
