/** A broker of the same parts that asks nobody anything: mutual TLS and aedes, with neither rules nor gate. And raw MQTT packets. */
import type { AddressInfo, Server } from 'node:net'
import { createServer } from 'node:tls'
import { Aedes } from 'aedes'
import { PacketGate } from '../../agent/link/packet-gate.ts'
import { parseTopic } from '../../agent/link/topics.ts'
import type { Take } from '../../agent/link/transport.ts'
import type { FleetKeys } from '../link/fleet.ts'

export interface LooseBroker {
  port: number
  publish(topic: string, payload: Buffer): void
  close(): Promise<void>
}

export async function looseBroker(
  { ca, primary }: FleetKeys,
  {
    take,
    verifies = true,
    trusts,
    gated = true,
  }: {
    take: Take /** Authorities that it takes for the fleet's. */
    trusts?: string[]
    verifies?: boolean
    gated?: boolean
  },
): Promise<LooseBroker> {
  const aedes = await Aedes.createBroker({
    authorizePublish: (_client, _packet, done) => done(null),
    published: (packet, client, done) => {
      const topic = client ? parseTopic(packet.topic) : undefined
      if (!topic) return done()
      void take(topic, Buffer.from(packet.payload)).then(() => done())
    },
  })
  aedes.on('clientError', () => {})
  aedes.on('connectionError', () => {})
  const { certificate: cert, privateKey: key } = primary
  const settings = {
    ca: trusts ?? ca,
    cert,
    key,
    requestCert: true,
    rejectUnauthorized: verifies,
  }
  const server: Server = createServer(settings, (socket) => {
    socket.on('error', () => {})
    aedes.handle(gated ? new PacketGate(socket, () => {}) : socket)
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    port,
    publish: (topic, payload) =>
      aedes.publish(
        { cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false },
        () => {},
      ),
    close: async () => {
      await new Promise<void>((done) => aedes.close(done))
      await new Promise<void>((done) => server.close(() => done()))
    },
  }
}

const text = (value: string) => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes])
}

/** CONNECT of MQTT 3.1.1, clean, keep-alive of 30 s. */
export function connectPacket(id: string): Buffer {
  const body = Buffer.concat([text('MQTT'), Buffer.from([4, 2, 0, 30]), text(id)])
  return Buffer.concat([Buffer.from([0x10, body.length]), body])
}
