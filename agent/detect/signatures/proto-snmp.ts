/** SNMP: version, community, what is asked. */

import type { Transaction } from '../../decode/records.ts'
import type { SnmpMessage } from '../../decode/records-it.ts'
import { type BufferSource, textOf } from './buffer-source.ts'
import { type KeywordTable, valued } from './keyword.ts'
import { numberKeyword } from './number-keyword.ts'

/** The message, where this side has sent it. */
function messageOf(tx: Transaction, response: boolean): SnmpMessage | undefined {
  return tx.proto === 'snmp' && tx.snmp.toServer !== response ? tx.snmp : undefined
}

const snmp = (name: string, field: 'community' | 'usm'): BufferSource => ({
  name,
  protos: ['snmp'],
  side: 'both',
  body: false,
  multi: false,
  read: (tx, response) => textOf(messageOf(tx, response)?.[field] ?? ''),
})

export const SNMP_BUFFERS: readonly BufferSource[] = [
  snmp('snmp.community', 'community'),
  snmp('snmp.usm', 'usm'),
]

export const SNMP_KEYWORDS: KeywordTable = {
  'snmp.version': numberKeyword(['snmp'], (tx, response) => messageOf(tx, response)?.version, {
    bothSides: true,
  }),
  'snmp.pdu_type': valued((draft, value, name) => {
    const wanted = value.toLowerCase()
    draft.useProto(name, 'snmp')
    draft.transactionTests.push({
      bothSides: true,
      test: (tx, response) => messageOf(tx, response)?.pduType === wanted,
    })
  }),
}
