/** DNS messages as far as the stage needs them (RFC 1035): one question, answers of A, AAAA, TXT. */

export const DNS_TYPE = { A: 1, AAAA: 28, TXT: 16, MX: 15 } as const
const QUESTION_AT = 12
const TTL_SECONDS = 300

export interface Question {
  id: number
  name: string
  type: number
}

export function encodeQuery({ id, name, type }: Question): Buffer {
  const head = Buffer.alloc(QUESTION_AT)
  head.writeUInt16BE(id)
  head.writeUInt16BE(0x0100, 2) // recursion desired
  head.writeUInt16BE(1, 4)
  const tail = Buffer.alloc(4)
  tail.writeUInt16BE(type)
  tail.writeUInt16BE(1, 2)
  const labels = name.split('.').map((label) => {
    const bytes = Buffer.from(label, 'latin1')
    return Buffer.concat([Buffer.from([bytes.length]), bytes])
  })
  return Buffer.concat([head, ...labels, Buffer.from([0]), tail])
}

/** The question of a message of our own clients; undefined when it is none. */
export function decodeQuery(message: Buffer): Question | undefined {
  if (message.length < QUESTION_AT + 5) return undefined
  const labels: string[] = []
  let at = QUESTION_AT
  for (let size = message[at++] ?? 0; size > 0; size = message[at++] ?? 0) {
    if (size > 63 || at + size > message.length) return undefined
    labels.push(message.toString('latin1', at, at + size))
    at += size
  }
  if (at + 4 > message.length) return undefined
  return { id: message.readUInt16BE(0), name: labels.join('.'), type: message.readUInt16BE(at) }
}

/** An answer to `query`: with `data` one record of its type, without it NXDOMAIN. */
export function encodeAnswer(query: Question, data: Buffer | undefined): Buffer {
  const message = encodeQuery(query)
  message.writeUInt16BE(data ? 0x8180 : 0x8183, 2)
  if (!data) return message
  message.writeUInt16BE(1, 6)
  const record = Buffer.alloc(12)
  record.writeUInt16BE(0xc000 | QUESTION_AT) // the name of the question
  record.writeUInt16BE(query.type, 2)
  record.writeUInt16BE(1, 4)
  record.writeUInt32BE(TTL_SECONDS, 6)
  record.writeUInt16BE(data.length, 10)
  return Buffer.concat([message, record, data])
}

export function textData(text: string): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < text.length; at += 255) {
    const part = Buffer.from(text.slice(at, at + 255), 'latin1')
    parts.push(Buffer.from([part.length]), part)
  }
  return Buffer.concat(parts)
}
