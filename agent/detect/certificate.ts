/** What a certificate says, as EVE and rules print it. Each is read once. */
import { createHash, X509Certificate } from 'node:crypto'

const CERTIFICATE_BYTES_MAX = 65_536
const NAMES_MAX = 64

export interface Certificate {
  /** SHA-1, as hex with colons. */
  fingerprint: string
  /** '' where the certificate cannot be read. */
  subject: string
  issuer: string
  serial: string
  notBefore: string
  notAfter: string
  /** The other names it is for: DNS names and addresses. */
  names: readonly string[]
}

const known = new WeakMap<Uint8Array, Certificate>()

export function readCertificate(der: Uint8Array): Certificate | undefined {
  if (der.length > CERTIFICATE_BYTES_MAX) return undefined
  let found = known.get(der)
  if (!found) {
    found = decode(der)
    known.set(der, found)
  }
  return found
}

function decode(der: Uint8Array): Certificate {
  const fingerprint = colons(createHash('sha1').update(der).digest('hex'))
  try {
    const x509 = new X509Certificate(der)
    return {
      fingerprint,
      subject: oneLine(x509.subject),
      issuer: oneLine(x509.issuer),
      serial: colons(serialOf(x509.serialNumber)),
      notBefore: x509.validFromDate.toISOString().slice(0, 19),
      notAfter: x509.validToDate.toISOString().slice(0, 19),
      names: otherNames(x509.subjectAltName),
    }
  } catch {
    // Not a certificate OpenSSL reads: its hash still shows that one was sent.
    const unread = { subject: '', issuer: '', serial: '', notBefore: '', notAfter: '', names: [] }
    return { fingerprint, ...unread }
  }
}

function otherNames(text = ''): string[] {
  return (text.match(/(?<=(?:DNS|IP Address):)[^,"]+/g) ?? []).slice(0, NAMES_MAX)
}

/** As DER has it: a first byte of 0 where the number would else be negative. */
function serialOf(hex: string): string {
  const whole = hex.length % 2 === 0 ? hex : `0${hex}`
  return Number.parseInt(whole.slice(0, 2), 16) >= 0x80 ? `00${whole}` : whole
}

function oneLine(name: string | undefined): string {
  // OpenSSL escapes what would be read as the end of a name, and has a longer word for Email.
  return (name ?? '')
    .split('\n')
    .map((part) =>
      part
        .replace(/^emailAddress=/, 'Email=')
        .replace(/\\([0-9A-F]{2}|[,+"\\<>;=# ])/gi, (_, of: string) =>
          of.length === 2 ? String.fromCharCode(Number.parseInt(of, 16)) : of,
        ),
    )
    .join(', ')
}

function colons(hex: string): string {
  return (hex.match(/../g) ?? []).join(':')
}
