/** Talks that are made to cost: what each sends is of the size asked for, so that cost can be held against it. */
import { gzipSync } from 'node:zlib'
import { ICS_TALKS } from '../golden/ics-messages.ts'
import { KRB_MESSAGES } from '../golden/krb5-messages.ts'
import { clientHello, dnsAnswer, dnsQuestion, modbusWrite } from '../golden/messages.ts'
import { RPC_ANSWERED, RPC_ASKED } from '../golden/rpc-messages.ts'
import { framed, smb2 } from '../golden/smb-messages.ts'
import type { Turn } from './frames.ts'

export interface HostileTalk {
  port: number
  /** About `bytes` of it. */
  turns(bytes: number): Turn[]
}

const client = (data: Uint8Array | string): Turn => ({ from: 'client', data })
const server = (data: Uint8Array | string): Turn => ({ from: 'server', data })
const filledWith = (part: Buffer, bytes: number) =>
  Buffer.concat(Array<Buffer>(Math.ceil(bytes / part.length)).fill(part))
const filled = (text: string, bytes: number) => text.repeat(Math.ceil(bytes / text.length))

/** A mail whose headers and text are given. */
function mail(headers: string, text: (bytes: number) => string): HostileTalk {
  return {
    port: 25,
    turns: (bytes) => [
      server('220 x\r\n'),
      client('EHLO a\r\n'),
      server('250 x\r\n'),
      client('MAIL FROM:<a@b>\r\n'),
      server('250 x\r\n'),
      client('DATA\r\n'),
      server('354 x\r\n'),
      client(`${headers}\r\n\r\n${text(bytes)}\r\n.\r\n`),
      server('250 x\r\n'),
      client('QUIT\r\n'),
    ],
  }
}

const FILE = 'Content-Disposition: attachment; filename=a'
const base64 = (line: string) =>
  mail(`${FILE}\r\nContent-Transfer-Encoding: base64`, (bytes) => filled(line, bytes))

/** After a login that is asked for and not looked at, reads of 16 bytes each, all answered. */
function smallReads(bytes: number): Turn[] {
  const asked: Buffer[] = []
  const answered: Buffer[] = []
  const ask = Buffer.alloc(49)
  ask.writeUInt16LE(49)
  ask.writeUInt32LE(16, 4)
  const answer = Buffer.alloc(16 + 16)
  answer.writeUInt16LE(17)
  answer[2] = 80
  answer.writeUInt32LE(16, 4)
  for (let i = 0; i * 230 < bytes; i++) {
    const body = Buffer.from(ask)
    body.writeBigUInt64LE(BigInt(i) * 16n, 8)
    asked.push(framed(smb2({ command: 8, messageId: i }, body)))
    answered.push(framed(smb2({ command: 8, messageId: i, response: true }, answer)))
  }
  return [client(Buffer.concat(asked)), server(Buffer.concat(answered))]
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const BOMB = gzipSync(Buffer.alloc(60_000_000))
const SMALL_BOMB = gzipSync(Buffer.alloc(400_000))

function bombs(bomb: Buffer, encoding: string): HostileTalk {
  const answer = Buffer.concat([
    Buffer.from(
      `HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${bomb.length}\r\n\r\n`,
    ),
    bomb,
  ])
  return {
    port: 80,
    turns: (bytes) =>
      Array.from({ length: Math.ceil(bytes / answer.length) }, () => [
        client(GET),
        server(answer),
      ]).flat(),
  }
}

const asked = (port: number, head: string, text: string): HostileTalk => ({
  port,
  turns: (bytes) => [client(head), client(filled(text, bytes))],
})

const answered = (port: number, ask: string, head: string, text: string): HostileTalk => ({
  port,
  turns: (bytes) => [client(ask), server(head + filled(text, bytes))],
})

/** One message again and again, and its answer as often. */
const again = (port: number, question: Buffer, answer: Buffer): HostileTalk => ({
  port,
  turns: (bytes) => {
    const times = Math.ceil(bytes / (question.length + answer.length))
    return [
      client(question),
      server(answer),
      client(Buffer.concat(Array<Buffer>(times).fill(question))),
      server(Buffer.concat(Array<Buffer>(times).fill(answer))),
    ]
  },
})

const sized = (message: Buffer) =>
  Buffer.concat([Buffer.of(message.length >> 8, message.length & 255), message])
const hello = clientHello('mail.example')
/** A hello of TLS, a byte of it in each record. */
const crumbs = Buffer.concat(
  Array.from(hello.subarray(5), (byte) => Buffer.of(0x16, 3, 1, 0, 1, byte)),
)

export const HOSTILE_TALKS: Readonly<Record<string, HostileTalk>> = {
  'a mail of one line': mail('Subject: a', (bytes) => filled('a', bytes)),
  'a mail of addresses in one line': mail('Subject: a', (bytes) => filled('http://', bytes)),
  'a mail of one-byte lines': mail('Subject: a', (bytes) => filled('\n', bytes)),
  'a mail of folded headers': mail('Subject: a', (bytes) => filled('X: a\r\n\tb\r\n', bytes)),
  'a mail of parts': mail('Content-Type: multipart/mixed; boundary=x', (bytes) =>
    filled(`--x\r\n${FILE}\r\n\r\nz\r\n`, bytes),
  ),
  'base64 in one line': base64('QUJD'),
  'base64 with noise': base64('Q U\tJ-D*\r\n'),
  'base64 with padding inside': base64(`${'QQ=='.repeat(19)}\r\n`),
  'base64 a letter a line': base64('Q\n'),
  'quoted-printable': mail(`${FILE}\r\nContent-Transfer-Encoding: quoted-printable`, (bytes) =>
    filled(`${'=41'.repeat(25)}=\r\n`, bytes),
  ),
  'commands of SMTP': asked(25, 'EHLO a\r\n', 'MAIL FROM:<a@b>\r\nRSET\r\n'),
  'chunks of SMTP': asked(25, 'EHLO a\r\nMAIL FROM:<a@b>\r\n', 'BDAT 1\r\nx'),
  'empty lines of FTP': answered(21, 'USER a\r\n', '220 FTP ready\r\n', '220-\r\n'),
  'commands of FTP': {
    port: 21,
    turns: (bytes) => [
      server('220 FTP ready\r\n'),
      client(`USER a\r\n${filled('NOOP\r\n', bytes)}`),
    ],
  },
  'commands of POP3': {
    port: 110,
    turns: (bytes) => [server('+OK ready\r\n'), client(filled('NOOP\r\n', bytes))],
  },
  'tiny chunks of HTTP': answered(
    80,
    GET,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    '1\r\na\r\n',
  ),
  'a body of HTTP that nobody announced': asked(80, 'POST / HTTP/1.1\r\nHost: a\r\n\r\n', '!\n'),
  'requests of HTTP': asked(80, GET, 'GET / HTTP/1.1\r\n\r\n'),
  'gzip bombs': bombs(BOMB, 'gzip'),
  'small gzip bombs': bombs(SMALL_BOMB, 'gzip'),
  'bombs in bombs': bombs(gzipSync(SMALL_BOMB), 'gzip, gzip'),
  'records of TLS of one byte': {
    port: 443,
    turns: (bytes) => [client(hello), client(filledWith(crumbs, bytes))],
  },
  'questions of DNS': again(53, sized(dnsQuestion('a')), sized(dnsAnswer('a', [192, 0, 2, 1]))),
  'writes of Modbus': again(502, modbusWrite(1, 5, [6]), modbusWrite(1, 5, [6]).subarray(0, 12)),
  ...Object.fromEntries(
    Object.entries(ICS_TALKS)
      .filter(([, { udp }]) => !udp)
      .map(([name, { port, question, answer }]) => [
        `messages of ${name}`,
        again(port, question, answer),
      ]),
  ),
  'tickets of Kerberos': again(
    88,
    framed(KRB_MESSAGES[0] as Buffer),
    framed(KRB_MESSAGES[1] as Buffer),
  ),
  'calls of DCE/RPC': again(135, RPC_ASKED.at(-1) as Buffer, RPC_ANSWERED.at(-1) as Buffer),
  'small reads of SMB': { port: 445, turns: smallReads },
}
