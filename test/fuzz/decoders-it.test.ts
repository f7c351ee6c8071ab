/** Decoders of office protocols alone: a record or a word, within its bounds. */
import { decodeDhcp } from '../../agent/decode/dhcp.ts'
import { passiveOf, portOf } from '../../agent/decode/ftp.ts'
import { decodeCommand, decodeReply } from '../../agent/decode/reply.ts'
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

const LINES = ['PORT 10,0,0,5,4,1', 'EPRT |1|10.0.0.5|1025|', '227 ok (1,2,3,4,5,6)', '229 (|||9|)']
fuzzBytes('ftp', [...LINES.map((line) => Buffer.from(line)), ...real(21)], (bytes) => {
  const { verb, argument } = decodeCommand(bytes)
  const reply = decodeReply(bytes)
  const text = bytes.toString('latin1')
  for (const place of [portOf(verb, argument), passiveOf(227, text), passiveOf(229, text)])
    if (place && !(place.port > 0 && place.port < 65_536)) throw new Error(`port ${place.port}`)
  if (reply && !(reply.code >= 100 && reply.code < 700)) throw new Error(`code ${reply.code}`)
})
