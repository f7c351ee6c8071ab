/** Decoders of office protocols alone: a record or a word, within its bounds. */
import { decodeDhcp } from '../../agent/decode/dhcp.ts'
import { DHCP_ACK, DHCP_REQUEST } from '../golden/messages-it.ts'
import { fuzzBytes, recordOrFault } from './fuzz.ts'
import { realTraffic } from './seeds.ts'

const { payloads } = await realTraffic()
const real = (port: number) => payloads.get(port) ?? []

fuzzBytes('dhcp', [DHCP_REQUEST, DHCP_ACK, ...real(67)], (bytes) => {
  recordOrFault(decodeDhcp(bytes, true), ({ routers, dnsServers, relayAgent, hostname }) => {
    if (routers.length > 16 || dnsServers.length > 16 || relayAgent.length > 16)
      throw new Error('too many')
    if (hostname.length > 1024) throw new Error('a name is too long')
  })
})
