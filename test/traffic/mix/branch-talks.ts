/** What a branch says besides: DNS, SSH, SMB, and its controllers. */
import { ICS_TALKS } from '../../golden/ics-messages.ts'
import { framed, SMB2_ANSWERED, SMB2_ASKED, smb2 } from '../../golden/smb-messages.ts'
import { DNS_TYPE, encodeAnswer, encodeQuery } from '../programs/dns-message.ts'
import { randomBytes } from './bodies.ts'
import { fromClient, fromServer, type Said, type Talk } from './talk.ts'
import { type Scene, size } from './web-talks.ts'

const RESOLVER = 53
const FILE_SERVER = 20
const ANSWERS_MAX = 6

export function dns({ chance, places }: Scene, wanted?: string): Talk {
  const name = wanted ?? chance.pick(places.names)
  const type = wanted === undefined && chance.next() < 0.3 ? DNS_TYPE.AAAA : DNS_TYPE.A
  const query = { id: chance.int(0, 0xffff), name, type }
  const addressBytes = type === DNS_TYPE.A ? 4 : 16
  const answer =
    chance.next() < 0.08
      ? encodeAnswer(query, undefined)
      : more(
          encodeAnswer(query, randomBytes(chance, addressBytes)),
          addressBytes + 12,
          chance.int(0, ANSWERS_MAX - 1),
        )
  const said = [fromClient(encodeQuery(query)), fromServer(answer)]
  return { udp: true, ...places.inside(RESOLVER), port: 53, said }
}

/** An answer whose last record comes several times, each with another end of its address. */
function more(answer: Buffer, recordBytes: number, times: number): Buffer {
  const record = answer.subarray(answer.length - recordBytes)
  const copies = Array.from({ length: times }, (_, i) => {
    const copy = Buffer.from(record)
    copy[copy.length - 1] = i + 1
    return copy
  })
  const whole = Buffer.concat([answer, ...copies])
  whole.writeUInt16BE(1 + times, 6)
  return whole
}

const KEX = 'curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group14-sha256'
const CIPHERS = 'chacha20-poly1305@openssh.com,aes128-ctr,aes256-gcm@openssh.com'

export function ssh({ chance, bodies, places }: Scene): Talk {
  const said: Said[] = [
    fromClient('SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n'),
    fromServer('SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.10\r\n'),
    fromClient(kexInit(randomBytes(chance, 16))),
    fromServer(kexInit(randomBytes(chance, 16))),
    fromClient(packet(30, Buffer.concat([Buffer.of(0, 0, 0, 32), randomBytes(chance, 32)]))),
    fromServer(Buffer.concat([packet(31, randomBytes(chance, 480)), packet(21, Buffer.alloc(0))])),
    fromClient(packet(21, Buffer.alloc(0))),
  ]
  const copies = chance.next() < 0.4
  const turns = copies ? chance.int(2, 12) : chance.int(20, 120)
  for (let i = 0; i < turns; i++) {
    said.push(fromClient(bodies.picture(chance.int(1, 6) * 36)))
    said.push(fromServer(bodies.picture(copies ? size(chance, 20_000) : chance.int(1, 12) * 36)))
  }
  return { ...places.inside(chance.int(1, 9)), port: 22, said }
}

function kexInit(cookie: Buffer): Buffer {
  const lists = [
    KEX,
    'ssh-ed25519,rsa-sha2-512',
    CIPHERS,
    CIPHERS,
    'hmac-sha2-256',
    'hmac-sha2-256',
    'none',
    'none',
    '',
    '',
  ]
  return packet(
    20,
    Buffer.concat([
      cookie,
      ...lists.map((list) => Buffer.concat([u32(list.length), Buffer.from(list)])),
      Buffer.alloc(5),
    ]),
  )
}

/** A packet of the unsealed part (RFC 4253 §6). */
function packet(type: number, body: Buffer): Buffer {
  const padding = 8 - ((body.length + 6) % 8) + 4
  return Buffer.concat([
    u32(body.length + 2 + padding),
    Buffer.of(padding, type),
    body,
    Buffer.alloc(padding),
  ])
}

const READ_BYTES_MAX = 65_536

export function smb({ chance, bodies, places }: Scene): Talk {
  const said: Said[] = SMB2_ASKED.slice(0, 4).flatMap((asked, i) => {
    const answered = Buffer.from(SMB2_ANSWERED[i] as Buffer)
    if (i === 1) answered.writeUInt32LE(0, 8) // the login is good
    return [fromClient(framed(asked)), fromServer(framed(answered))]
  })
  const turns = chance.int(1, 14)
  for (let i = 0; i < turns; i++) {
    const data = chance.pick([bodies.page, bodies.picture, bodies.record])(
      Math.min(READ_BYTES_MAX, size(chance, 24_000)),
    )
    const ask = Buffer.alloc(49)
    ask.writeUInt16LE(49)
    ask.writeUInt32LE(data.length, 4)
    ask.writeBigUInt64LE(BigInt(i * READ_BYTES_MAX), 8)
    const head = Buffer.alloc(16)
    head.writeUInt16LE(17)
    head[2] = 80
    head.writeUInt32LE(data.length, 4)
    said.push(fromClient(framed(smb2({ command: 8, messageId: 4 + i, treeId: 5 }, ask))))
    const answer = smb2(
      { command: 8, messageId: 4 + i, treeId: 5, response: true },
      Buffer.concat([head, data]),
    )
    said.push(fromServer(framed(answer)))
  }
  return { ...places.inside(FILE_SERVER), port: 445, said }
}

/** A station that polls a controller: Modbus, S7, DNP3, IEC 104, EtherNet/IP, BACnet. */
export function plant({ chance, places }: Scene): Talk {
  const proto = chance.pick([
    'modbus',
    'modbus',
    'modbus',
    's7',
    'dnp3',
    'iec104',
    'enip',
    'bacnet',
  ] as const)
  const polls = chance.int(10, 90)
  if (proto === 'modbus') {
    const unit = chance.int(1, 20)
    const words = chance.int(1, 40)
    const said = Array.from({ length: polls }, (_, i) => [
      fromClient(modbus(i, unit, Buffer.of(3, 0, i & 63, 0, words))),
      fromServer(
        modbus(i, unit, Buffer.concat([Buffer.of(3, words * 2), randomBytes(chance, words * 2)])),
      ),
    ])
    return { ...places.plant(), port: 502, said: said.flat() }
  }
  const { port, question, answer, udp } = ICS_TALKS[proto]
  const once = proto === 's7' || udp ? chance.int(1, 3) : polls
  const said = Array.from({ length: once }, () => [fromClient(question), fromServer(answer)]).flat()
  return { ...places.plant(), ...(udp && { udp }), port, said }
}

export function modbus(transaction: number, unit: number, body: Buffer): Buffer {
  const head = Buffer.alloc(7)
  head.writeUInt16BE(transaction & 0xffff)
  head.writeUInt16BE(body.length + 1, 4)
  head[6] = unit
  return Buffer.concat([head, body])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
