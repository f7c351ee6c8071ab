/** TCP connections that begin, go on and end as few do: each takes a branch of its own. */
import { TCP } from '../../../agent/decode/packet.ts'
import { type Ends, type TcpFields, tcp } from '../frames.ts'
import { back, hex, type Neighbours } from './spoken.ts'

export const DATA = TCP.PSH | TCP.ACK
const STAMPS = hex('0101080a0000000100000000')
const LONG_TALKS = 20

/** Each gives the frames of one connection whose first byte has the number after `at`. */
export const CONNECTIONS: ((client: Ends, at: number) => Uint8Array[])[] = [
  answerFirst,
  fastOpen,
  asksAgain,
  split,
  goesOnAfterReset,
  serverFirst,
  disordered,
]

/** What both ends of a connection send, its numbers counted from where it begins. */
export class Both {
  readonly frames: Uint8Array[] = []
  readonly #client: Ends
  readonly #at: number

  constructor(client: Ends, at: number) {
    this.#client = client
    this.#at = at
  }

  client(seq: number, ack: number, flags: number, more: Partial<TcpFields> = {}): this {
    return this.#push(this.#client, seq, ack, flags, more)
  }

  server(seq: number, ack: number, flags: number, more: Partial<TcpFields> = {}): this {
    return this.#push(back(this.#client), seq, ack, flags, more)
  }

  open(options: Uint8Array = Buffer.alloc(0)): this {
    return this.client(0, 0, TCP.SYN, { options })
      .server(0, 1, TCP.SYN | TCP.ACK, { options })
      .client(1, 1, TCP.ACK)
  }

  // biome-ignore format: one line
  #push(from: Ends, seq: number, ack: number, flags: number, more: Partial<TcpFields>): this {
    const answers = (flags & TCP.ACK) !== 0
    this.frames.push(tcp(from, { seq: (this.#at + seq) >>> 0, ack: answers ? (this.#at + ack) >>> 0 : 0, flags, ...more }))
    return this
  }
}

function answerFirst(client: Ends, at: number): Uint8Array[] {
  return new Both(client, at)
    .server(0, 1, TCP.SYN | TCP.ACK)
    .client(1, 1, TCP.ACK)
    .client(1, 1, DATA, { payload: 'hello' })
    .server(1, 6, DATA, { payload: 'hello yourself' })
    .client(6, 15, TCP.FIN | TCP.ACK)
    .server(15, 7, TCP.FIN | TCP.ACK)
    .client(7, 16, TCP.ACK).frames
}

/** RFC 7413. */
function fastOpen(client: Ends, at: number): Uint8Array[] {
  return new Both(client, at)
    .client(0, 0, TCP.SYN, { payload: 'GET / HTTP/1.1\r\n\r\n' })
    .server(0, 19, TCP.SYN | TCP.ACK)
    .client(19, 1, TCP.ACK)
    .server(1, 19, DATA, { payload: 'HTTP/1.1 204 No Content\r\n\r\n' })
    .client(19, 28, TCP.RST | TCP.ACK).frames
}

function asksAgain(client: Ends, at: number): Uint8Array[] {
  return new Both(client, at)
    .client(0, 0, TCP.SYN, { options: STAMPS })
    .client(0, 0, TCP.SYN, { options: STAMPS })
    .client(0, 0, TCP.SYN)
    .client(77, 0, TCP.SYN, { options: STAMPS })
    .server(0, 78, TCP.SYN | TCP.ACK, { options: STAMPS })
    .client(78, 1, TCP.ACK, { options: STAMPS })
    .client(0, 0, TCP.SYN)
    .client(78, 1, DATA, { payload: 'more', options: STAMPS })
    .client(90_000_000, 1, TCP.RST)
    .server(1, 82, TCP.RST).frames
}

/** A handshake in four: the server opens too, and neither has answered the other yet. */
function split(client: Ends, at: number): Uint8Array[] {
  return new Both(client, at)
    .client(0, 0, TCP.SYN)
    .server(0, 0, TCP.SYN)
    .client(0, 1, TCP.SYN | TCP.ACK)
    .server(0, 1, TCP.SYN | TCP.ACK)
    .client(1, 1, DATA, { payload: 'hello' })
    .server(1, 6, DATA, { payload: 'hello yourself' })
    .client(6, 15, TCP.FIN | TCP.ACK)
    .server(15, 7, TCP.FIN | TCP.ACK).frames
}

function goesOnAfterReset(client: Ends, at: number): Uint8Array[] {
  return new Both(client, at)
    .open()
    .client(1, 1, DATA, { payload: 'before' })
    .client(7, 1, TCP.RST | TCP.ACK)
    .client(7, 1, DATA, { payload: 'and after' })
    .server(1, 7, TCP.RST | TCP.ACK)
    .client(16, 1, DATA, { payload: 'still' }).frames
}

/** Begun before us, and its server is heard first. */
function serverFirst(client: Ends, at: number): Uint8Array[] {
  return new Both({ ...client, destPort: 80 }, at)
    .server(1, 1, DATA, { payload: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi' })
    .client(1, 42, DATA, { payload: 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n' })
    .server(42, 32, TCP.FIN | TCP.ACK)
    .client(32, 43, TCP.FIN | TCP.ACK).frames
}

/** Moved, doubled, overlapping and for ever lost, with numbers that may wrap. */
function disordered(client: Ends, at: number): Uint8Array[] {
  const word = (seq: number, payload: string) => [seq, 1, DATA, { payload }] as const
  return new Both(client, at)
    .open(STAMPS)
    .client(...word(9, 'third...'))
    .client(...word(17, 'fourth..'))
    .client(...word(5, 'seco'))
    .client(...word(1, 'first.se'))
    .server(1, 25, TCP.ACK)
    .client(...word(41, 'after a hole'))
    .client(...word(60, 'and another'))
    .server(1, 71, TCP.ACK)
    .client(...word(71, 'goes on'))
    .server(1, 78, DATA, { payload: 'yes' })
    .client(78, 4, TCP.FIN | TCP.ACK)
    .client(70, 4, DATA, { payload: 'again' })
    .server(4, 79, TCP.FIN | TCP.ACK).frames
}

/** Talks that go on while hundreds of others begin and end: the first half of each, and the second. */
export function longTalks(ends: Neighbours): [Uint8Array[], Uint8Array[]] {
  const halves: [Uint8Array[], Uint8Array[]] = [[], []]
  for (let i = 0; i < LONG_TALKS; i++) {
    const both = new Both(ends.next(8082), 5000).open()
    both.client(1, 1, DATA, { payload: 'wait' }).server(1, 5, DATA, { payload: 'for what' })
    const begun = both.frames.splice(0)
    both.client(5, 9, DATA, { payload: 'this' }).server(9, 9, DATA, { payload: 'oh' })
    halves[0].push(...begun)
    halves[1].push(...both.client(9, 11, TCP.FIN | TCP.ACK).frames)
  }
  return halves
}
