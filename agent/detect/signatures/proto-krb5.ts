/** Kerberos: kinds of messages, errors, names, encryption. */

import type { KrbMessage } from '../../decode/krb5.ts'
import type { Transaction } from '../../decode/records.ts'
import { type BufferSource, textOf } from './buffer-source.ts'
import { type KeywordTable, parts, valued } from './keyword.ts'
import { numberKeyword } from './number-keyword.ts'
import { Refused } from './rule-text.ts'

/** Numbers of RFC 4120 §7.5.7. */
const TYPE: Readonly<Record<KrbMessage['kind'], number>> = {
  AS_REQ: 10,
  AS_REP: 11,
  TGS_REQ: 12,
  TGS_REP: 13,
  ERROR: 30,
}
/** RFC 8429 and older: single DES, RC4. */
const WEAK: ReadonlySet<number> = new Set([1, 2, 3, 5, 7, 16, 23, 24])

function messageOf(tx: Transaction, response: boolean): KrbMessage | undefined {
  if (tx.proto !== 'krb5') return undefined
  return response ? tx.krb5.answer : tx.krb5.request
}

const krb5 = (name: string, field: 'cname' | 'sname'): BufferSource => ({
  name,
  protos: ['krb5'],
  side: 'response',
  body: false,
  multi: false,
  read: (tx, response) => textOf(messageOf(tx, response)?.[field] ?? ''),
})

export const KRB5_BUFFERS: readonly BufferSource[] = [
  krb5('krb5.cname', 'cname'),
  krb5('krb5.sname', 'sname'),
]

export const KRB5_KEYWORDS: KeywordTable = {
  krb5_msg_type: numberKeyword(
    ['krb5'],
    (tx, response) => {
      const kind = messageOf(tx, response)?.kind
      return kind && TYPE[kind]
    },
    { bothSides: true },
  ),
  krb5_err_code: numberKeyword(
    ['krb5'],
    (tx) =>
      tx.proto === 'krb5' && tx.krb5.answer?.kind === 'ERROR'
        ? tx.krb5.answer.errorCode
        : undefined,
    { bothSides: true },
  ),
  'krb5.weak_encryption': (draft, _, name) => {
    draft.useProto(name, 'krb5')
    draft.side ||= 2
    draft.transactionTests.push({
      test: (tx, response) => WEAK.has(messageOf(tx, response)?.etype ?? 0),
    })
  },
  'krb5.ticket_encryption': valued((draft, value, name) => {
    const wanted = parts(value)
    const numbers = new Set(wanted.map(Number))
    if (!wanted.every((word) => word === 'weak' || /^-?\d{1,3}$/.test(word)))
      throw new Refused(name, `"${value}" are not numbers, nor weak`)
    draft.useProto(name, 'krb5')
    draft.side ||= 2
    draft.transactionTests.push({
      test: (tx, response) => {
        const etype = messageOf(tx, response)?.ticketEtype
        if (etype === undefined) return false
        return numbers.has(etype) || (wanted.includes('weak') && WEAK.has(etype))
      },
    })
  }),
}
