/** TLS: versions, and how many certificates were shown. */
import { parseNumberTest, passes } from './condition.ts'
import type { Draft } from './draft.ts'
import { type KeywordTable, parts, valued } from './keyword.ts'
import { Refused } from './rule-text.ts'

const VERSIONS: Readonly<Record<string, number>> = {
  sslv2: 2,
  sslv3: 0x300,
  'tls1.0': 0x301,
  'tls1.1': 0x302,
  'tls1.2': 0x303,
  'tls1.3': 0x304,
}

/** States that are told apart; what follows is encrypted. */
const HELLOS: ReadonlySet<string> = new Set(['client_hello', 'server_hello'])

export const TLS_KEYWORDS: KeywordTable = {
  'tls.version': valued((draft, value, name) =>
    version(draft, `tls${value.replaceAll('"', '')}`, name),
  ),
  ssl_version: valued((draft, value, name) => version(draft, value, name)),
  ssl_state: valued((draft, value, name) => {
    const words = value.split('|').map((word) => word.trim().toLowerCase())
    if (!words.every((word) => HELLOS.has(word)))
      throw new Refused(name, `"${value}" is not a state it knows`)
    const [asked, answered] = [...HELLOS].map((word) => words.includes(word))
    draft.useProto(name, 'tls')
    draft.transactionTests.push({
      bothSides: true,
      test: (tx, response) =>
        tx.proto === 'tls' && ((response ? answered && tx.tls.serverVersion > 0 : asked) ?? false),
    })
  }),
  'tls.cert_chain_len': valued((draft, value, name) => {
    const test = parseNumberTest(value.replace(/\s+/g, ''))
    if (!test) throw new Refused(name, `"${value}" is not a number or a range`)
    draft.useProto(name, 'tls')
    draft.side ||= 2
    draft.transactionTests.push({
      late: true,
      test: (tx) =>
        tx.proto === 'tls' &&
        tx.tls.certificates.length > 0 &&
        passes(test, tx.tls.certificates.length),
    })
  }),
}

/** The version agreed on, else the one asked for. A negated list: any other. */
function version(draft: Draft, value: string, name: string): void {
  const negated = value.startsWith('!')
  const wanted = parts(value.toLowerCase()).map((word) => {
    const found = VERSIONS[word.replace(/^!/, '')]
    if (found === undefined) throw new Refused(name, `"${word}" is not a version it knows`)
    return found
  })
  draft.useProto(name, 'tls')
  draft.transactionTests.push({
    bothSides: true,
    test: (tx) => {
      if (tx.proto !== 'tls') return false
      return wanted.includes(tx.tls.serverVersion || tx.tls.version) !== negated
    },
  })
}
