/** What a certificate says, as EVE and rules print it. Servers send the same ones again and again, and reading one costs 60 µs. */
import { hash, X509Certificate } from 'node:crypto'

const CERTIFICATE_BYTES_MAX = 65_536
const NAMES_MAX = 64
/** Certificates that are remembered, and their bytes in all; the oldest go first. */
const KNOWN_MAX = 4096
const KNOWN_BYTES_MAX = 8_388_608

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

interface Known {
  der: Uint8Array
  certificate: Certificate
}

/** By fingerprint, the oldest first. */
const known = new Map<string, Known>()
let knownBytes = 0
/** The one asked for last: rules ask for its subject, its issuer and so on. */
let last: Known | undefined

/** `der` is kept. */
export function readCertificate(der: Uint8Array): Certificate | undefined {
  if (last?.der === der) return last.certificate
  if (der.length > CERTIFICATE_BYTES_MAX) return undefined
  const fingerprint = hash('sha1', der)
  const same = known.get(fingerprint)
  // Two can be made that have one SHA-1.
  if (same && Buffer.compare(same.der, der) === 0) {
    last = { der, certificate: same.certificate }
    return same.certificate
  }
  last = { der, certificate: decode(der, colons(fingerprint)) }
  remember(fingerprint, last)
  return last.certificate
}

function remember(fingerprint: string, one: Known): void {
  const before = known.get(fingerprint)
  if (before) forget(fingerprint, before)
  for (const [oldest, each] of known) {
    if (known.size < KNOWN_MAX && knownBytes + one.der.length <= KNOWN_BYTES_MAX) break
    forget(oldest, each)
  }
  known.set(fingerprint, one)
  knownBytes += one.der.length
}

function forget(fingerprint: string, { der }: Known): void {
  known.delete(fingerprint)
  knownBytes -= der.length
}

function decode(der: Uint8Array, fingerprint: string): Certificate {
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
