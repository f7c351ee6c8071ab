/** NTLM messages ([MS-NLMP] §2.2), wherever they travel: who logs in, from which host, to which. */
import { Little } from './little.ts'
import type { NtlmLogin } from './records-it.ts'

const MARK = Buffer.from('NTLMSSP\0')
const UNICODE = 1
const HAS_VERSION = 0x0200_0000
const PAIRS_MAX = 16
const NAME_BYTES_MAX = 1024

/** The first message in `blob` that says a name (challenge or authenticate), else undefined. */
export function findNtlm(blob: Buffer): NtlmLogin | undefined {
  const at = blob.indexOf(MARK)
  if (at === -1) return undefined
  const fields = new Little(blob.subarray(at))
  const type = fields.u32(8)
  if (type === 2) return challenge(fields)
  return type === 3 ? authenticate(fields) : undefined
}

function authenticate(fields: Little): NtlmLogin | undefined {
  const flags = fields.u32(60)
  const wide = (flags & UNICODE) !== 0
  const login: NtlmLogin = {
    ...empty(),
    type: 3,
    domain: named(fields, 28, wide),
    user: named(fields, 36, wide),
    host: named(fields, 44, wide),
  }
  // Old clients send neither flags nor version: then names begin where they would stand.
  const names = Math.min(...[12, 20, 28, 36, 44].map((at) => fields.u32(at + 4) || 72))
  if (flags & HAS_VERSION && names >= 72)
    login.version = `${fields.u8(64)}.${fields.u8(65)} build ${fields.u16(66)} rev ${fields.u8(71)}`
  return login
}

function challenge(fields: Little): NtlmLogin {
  const login: NtlmLogin = { ...empty(), type: 2 }
  const size = fields.u16(40)
  const start = fields.u32(44)
  for (let at = start, i = 0; at + 4 <= start + size && i < PAIRS_MAX; i++) {
    const [kind, bytes] = [fields.u16(at), fields.u16(at + 2)]
    if (kind === 0 || fields.short) break
    const text = fields.text(at + 4, Math.min(bytes, NAME_BYTES_MAX), true)
    if (kind === 1) login.serverName = text
    else if (kind === 3) login.serverDnsName = text
    else if (kind === 5) login.serverTree = text
    at += 4 + bytes
  }
  return login
}

function named(fields: Little, at: number, wide: boolean): string {
  return fields.text(fields.u32(at + 4), Math.min(fields.u16(at), NAME_BYTES_MAX), wide)
}

function empty(): NtlmLogin {
  return {
    type: 0,
    domain: '',
    user: '',
    host: '',
    version: '',
    serverName: '',
    serverDnsName: '',
    serverTree: '',
  }
}
