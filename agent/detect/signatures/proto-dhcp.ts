/** DHCP: times of a lease, names of a client. */
import type { DhcpMessage } from '../../decode/records-it.ts'
import { type BufferSource, textOf } from './buffer-source.ts'
import type { KeywordTable } from './keyword.ts'
import { numberKeyword } from './number-keyword.ts'

type Time = 'leaseTime' | 'renewalTime' | 'rebindingTime'

const time = (field: Time) =>
  numberKeyword(
    ['dhcp'],
    (tx, response) =>
      tx.proto === 'dhcp' && tx.dhcp.toServer !== response ? tx.dhcp[field] : undefined,
    { bothSides: true },
  )

const text = (name: string, read: (dhcp: DhcpMessage) => string): BufferSource => ({
  name,
  protos: ['dhcp'],
  side: 'both',
  body: false,
  multi: false,
  read: (tx, response) =>
    tx.proto === 'dhcp' && tx.dhcp.toServer !== response ? textOf(read(tx.dhcp)) : undefined,
})

export const DHCP_BUFFERS: readonly BufferSource[] = [
  text('dhcp.hostname', ({ hostname }) => hostname),
  text('dhcp.vendor_class', ({ vendorClass }) => vendorClass),
]

export const DHCP_KEYWORDS: KeywordTable = {
  'dhcp.leasetime': time('leaseTime'),
  'dhcp.renewal_time': time('renewalTime'),
  'dhcp.rebinding_time': time('rebindingTime'),
}
