/** Protocols over datagrams, one after the other on one flow: what is kept is given back, and every fault is a word. */
import { Packet } from '../../agent/decode/packet.ts'
import { AppLayer } from '../../agent/flow/app-layer.ts'
import { ICS_TALKS } from '../golden/ics-messages.ts'
import { KRB_MESSAGES } from '../golden/krb5-messages.ts'
import { clientHello, dnsAnswer, dnsQuestion } from '../golden/messages.ts'
import { DHCP_ACK, DHCP_REQUEST } from '../golden/messages-it.ts'
import { rpcDatagram, SNMP_GET, SNMP_TRAP, TFTP_READ } from '../golden/small-messages.ts'
import type { Chance } from '../traffic/chance.ts'
import { cryptoFrames, quicInitial } from '../traffic/quic-initial.ts'
import { fuzz, recordOrFault } from './fuzz.ts'
import { mutated } from './mutation.ts'
import { realTraffic } from './seeds.ts'

const DATAGRAMS_MAX = 6
const PORTS = [53, 67, 69, 88, 123, 135, 161, 162, 443, 5353, 20_000, 47_808]

const { payloads } = await realTraffic()
const hello = clientHello('mail.example').subarray(5)

const GIVEN: { port: number; bytes: Buffer }[] = [
  { port: 53, bytes: dnsQuestion('www.example.com') },
  { port: 53, bytes: dnsAnswer('www.example.com', [192, 0, 2, 1]) },
  { port: 67, bytes: DHCP_REQUEST },
  { port: 67, bytes: DHCP_ACK },
  { port: 69, bytes: TFTP_READ },
  ...KRB_MESSAGES.map((bytes) => ({ port: 88, bytes })),
  ...[0, 2, 3, 6].map((type) => ({ port: 135, bytes: rpcDatagram(type, type) })),
  { port: 161, bytes: SNMP_GET },
  { port: 162, bytes: SNMP_TRAP },
  { port: 443, bytes: quicInitial(cryptoFrames([[0, hello]])) },
  ...Object.values(ICS_TALKS).flatMap(({ port, question, answer }) => [
    { port, bytes: question },
    { port, bytes: answer },
  ]),
  ...PORTS.flatMap((port) =>
    (payloads.get(port) ?? []).slice(0, 12).map((bytes) => ({ port, bytes })),
  ),
]

interface Talk {
  port: number
  datagrams: { toServer: boolean; bytes: Buffer }[]
}

function talk(chance: Chance): Talk {
  const { port } = chance.pick(GIVEN)
  const same = GIVEN.filter((each) => each.port === port).map(({ bytes }) => bytes)
  const datagrams = Array.from({ length: chance.int(1, DATAGRAMS_MAX) }, (_, i) => ({
    toServer: chance.next() < 0.2 ? chance.next() < 0.5 : i % 2 === 0,
    bytes: chance.next() < 0.3 ? Buffer.from(chance.pick(same)) : mutated(chance, same),
  }))
  return { port, datagrams }
}

const packet = new Packet()
packet.flow = 0

function hear({ port, datagrams }: Talk): void {
  const app = new AppLayer(
    { flowsMax: 1, serverPort: Uint16Array.of(port) },
    {
      transaction: () => {},
      recognised: () => {},
      appFault: (_, fault) => recordOrFault(fault),
    },
  )
  for (const { toServer, bytes } of datagrams) {
    packet.bytes = bytes
    packet.payloadOffset = 0
    packet.payloadBytes = bytes.length
    packet.toServer = toServer
    packet.srcPort = toServer ? 40_000 : port
    packet.destPort = toServer ? port : 40_000
    app.datagram(packet)
  }
  app.ended(0)
  if (app.states !== 0 || app.held !== 0)
    throw new Error(`${app.states} states, ${app.held} bytes stayed`)
}

fuzz<Talk>({
  name: 'application layer over datagrams',
  next: talk,
  judge: hear,
  show: ({ port, datagrams }) =>
    datagrams
      .map(({ toServer, bytes }) => `${toServer ? '>' : '<'}${port} ${bytes.toString('hex')}`)
      .join('\n'),
})
