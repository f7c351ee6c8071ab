/** SMB1, SMB2 and NTLM messages, built from their specifications. */

/** A NetBIOS session message. */
export function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(message.length)
  return Buffer.concat([head, message])
}

const wide = (text: string) => Buffer.from(text, 'utf16le')

/** The client's login: names, flags for UTF-16 and a version. */
export function ntlmLogin(domain: string, user: string, host: string): Buffer {
  const head = Buffer.alloc(72)
  head.write('NTLMSSP\0')
  head.writeUInt32LE(3, 8)
  head.writeUInt32LE(0x0200_0001, 60)
  head.set([10, 0, 0x61, 0x4a, 0, 0, 0, 15], 64)
  const names = [domain, user, host].map(wide)
  let at = head.length
  for (const [i, name] of names.entries()) {
    head.writeUInt16LE(name.length, 28 + i * 8)
    head.writeUInt32LE(at, 32 + i * 8)
    at += name.length
  }
  return Buffer.concat([head, ...names])
}

interface Smb2 {
  command: number
  messageId: number
  response?: boolean
  status?: number
  treeId?: number
}

export function smb2({ command, messageId, response, status, treeId }: Smb2, body: Buffer): Buffer {
  const head = Buffer.alloc(64)
  head.write('\xfeSMB', 'latin1')
  head.writeUInt16LE(64, 4)
  head.writeUInt32LE(status ?? 0, 8)
  head.writeUInt16LE(command, 12)
  head.writeUInt32LE(response ? 1 : 0, 16)
  head.writeBigUInt64LE(BigInt(messageId), 24)
  head.writeUInt32LE(treeId ?? 0, 36)
  head.writeBigUInt64LE(7n, 40)
  return Buffer.concat([head, body])
}

/** A body of `size` bytes whose first two say `said`; `data` behind it, named by offset and size at `at`. */
function body(size: number, said: number, at = 0, data: Buffer = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(size)
  bytes.writeUInt16LE(said)
  if (at > 0) {
    bytes.writeUInt16LE(64 + size, at)
    bytes.writeUInt16LE(data.length, at + 2)
  }
  return Buffer.concat([bytes, data])
}

function create(name: string): Buffer {
  const bytes = body(56, 57, 44, wide(name))
  bytes.writeUInt32LE(1, 36)
  bytes.writeUInt32LE(0x1000, 40)
  return bytes
}

function negotiateAnswer(): Buffer {
  const bytes = body(64, 65)
  bytes.writeUInt16LE(0x0311, 4)
  bytes.fill(0xab, 8, 24)
  return bytes
}

const negotiate = Buffer.concat([body(36, 36), Buffer.from('02021103', 'hex')])
negotiate.writeUInt16LE(2, 2)
const share = body(16, 16)
share[2] = 1
const login = ntlmLogin('OFFICE', 'anna', 'FRONT-DESK')

export const SMB2_ASKED = [
  smb2({ command: 0, messageId: 0 }, negotiate),
  smb2({ command: 1, messageId: 1 }, body(24, 25, 12, login)),
  smb2({ command: 3, messageId: 2 }, body(8, 9, 4, wide('\\\\files\\plans'))),
  smb2({ command: 5, messageId: 3, treeId: 5 }, create('secret\\plan.docx')),
  smb2({ command: 9, messageId: 4, treeId: 5 }, Buffer.alloc(4000, 0x61)),
]

export const SMB2_ANSWERED = [
  smb2({ command: 0, messageId: 0, response: true }, negotiateAnswer()),
  smb2({ command: 1, messageId: 1, response: true, status: 0xc000_006d }, body(9, 9)),
  smb2({ command: 3, messageId: 2, response: true, treeId: 5 }, share),
  smb2({ command: 5, messageId: 3, response: true, treeId: 5 }, body(88, 89)),
  smb2({ command: 9, messageId: 4, response: true, treeId: 5 }, body(16, 17)),
]

export function smb1(command: number, response: boolean, words: Buffer, data: Buffer): Buffer {
  const head = Buffer.alloc(33)
  head.write('\xffSMB', 'latin1')
  head[4] = command
  head[9] = response ? 0x80 : 0
  head[32] = words.length / 2
  const size = Buffer.alloc(2)
  size.writeUInt16LE(data.length)
  return Buffer.concat([head, words, size, data])
}

const old = '\x02PC NETWORK PROGRAM 1.0\0\x02NT LM 0.12\0'
const sessionWords = Buffer.alloc(26)
sessionWords[0] = 0x75 // a tree connect rides on it
const sessionData = Buffer.from('anna\0OFFICE\0Unix\0Samba\0', 'latin1')
sessionWords.writeUInt16LE(33 + 26 + 2 + sessionData.length, 2)
const treeWords = Buffer.alloc(8)
treeWords[0] = 0xff
const treeData = Buffer.from('\\\\files\\plans\0?????\0', 'latin1')
const ridden = smb1(0x75, false, treeWords, treeData).subarray(32)

export const SMB1_ASKED = [
  smb1(0x72, false, Buffer.alloc(0), Buffer.from(old, 'latin1')),
  Buffer.concat([smb1(0x73, false, sessionWords, sessionData), ridden]),
]
export const SMB1_ANSWERED = [smb1(0x72, true, Buffer.of(1, 0), Buffer.alloc(0))]
