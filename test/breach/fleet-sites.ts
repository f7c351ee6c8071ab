/** A primary with its door, and branches, each a real picket-keys; and somebody who stands in between. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import type { Json } from '../../agent/base/canonical.ts'
import { Failure } from '../../agent/base/failure.ts'
import { newUid } from '../../agent/base/ids.ts'
import { silentLog } from '../../agent/base/log.ts'
import { join as joinAt } from '../../agent/control/commands/fleet-door.ts'
import { initTenant } from '../../agent/control/init-tenant.ts'
import { openKeysBox } from '../../agent/control/keys-box.ts'
import {
  keysForCli,
  keysForLink,
  keysForWeb,
  type QueryRunner,
} from '../../agent/control/keys-client.ts'
import type { ControlsQuestion } from '../../agent/control/keys-query.ts'
import { serveKeys } from '../../agent/control/keys-server.ts'
import type { LinkKeys } from '../../agent/control/link-keys.ts'
import { issue, makeAuthority, newTlsKey } from '../../agent/keys/certificates.ts'
import { EXPORTER_LABEL } from '../../agent/keys/claim.ts'
import { TestClock } from './box.ts'

const nothing: QueryRunner = {
  query: async ({ tenants }) => ({
    scope: tenants.map(({ tenant_id }) => tenant_id),
    columns: [],
    rows: [],
  }),
}

export async function startSite(
  tenant_id: string,
  {
    fleet_id = 'acme',
    clock = new TestClock(),
    runner = nothing,
    controls,
    fleet = {},
  }: {
    fleet_id?: string
    clock?: TestClock
    runner?: QueryRunner
    controls?: ControlsQuestion
    /** Of config.json. */
    fleet?: Record<string, string | number>
  } = {},
) {
  const data = mkdtempSync(join(tmpdir(), `picket-${tenant_id}-`))
  const config = { siteName: `The ${tenant_id} site`, fleet: { announce: '127.0.0.1', ...fleet } }
  writeFileSync(join(data, 'config.json'), JSON.stringify(config))
  const tenant = await initTenant(data, { tenant_id, fleet_id })
  const box = await openKeysBox({ data, log: silentLog, clock })
  const server = await serveKeys(box, runner, silentLog, { controls })
  const cli = keysForCli(data)
  const link = keysForLink(data)
  const web = keysForWeb(data)
  return {
    ...{ data, tenant, clock, box, cli, link, web },
    close: async () => {
      for (const client of [cli, link, web]) client.close()
      await server.close()
      box.close()
    },
  }
}
export type Site = Awaited<ReturnType<typeof startSite>>

/** London, which is a primary already. */
export async function startPrimary(options: Parameters<typeof startSite>[1] = {}): Promise<Site> {
  const london = await startSite('london', options)
  await london.cli.fleetEdition({ on: true })
  return london
}

export interface Listening {
  host: string
  port: number
  close(): Promise<void>
}

/** What a door does, no more: TLS, the exporter, one JSON body each way. */
export async function openDoor(link: LinkKeys): Promise<Listening> {
  const { primary } = await link.primary()
  if (!primary) throw new Error('Fleet Command is off')
  const { certificate: cert, privateKey: key } = primary
  return listen(
    createHttps({ cert, key, minVersion: 'TLSv1.3' }, (asked, reply) =>
      answer(asked, reply, async (body) => {
        const source = asked.socket.remoteAddress ?? ''
        switch (asked.url) {
          case '/v1/join': {
            const socket = asked.socket as TLSSocket
            const exporter = socket
              .exportKeyingMaterial(32, EXPORTER_LABEL, Buffer.alloc(0))
              .toString('hex')
            return (await link.joinBegin({ body, source, exporter })).reply
          }
          case '/v1/renew':
            return (await link.renewCertificate({ body, source })).reply
          default:
            return (await link.leave({ body, source })).reply
        }
      }),
    ),
  )
}

/** Ends the branch's TLS and speaks to the true door over its own: a second hop. */
export function standBetween(door: Listening): Promise<Listening> {
  return falseDoor((body) => joinAt(door, async () => body))
}

/** A door of nobody's fleet, with a certificate of its own making. */
export async function falseDoor(act: (body: Json) => Promise<Json>): Promise<Listening> {
  const nowUs = Date.now() * 1000
  const fleet_uid = newUid()
  const { privateKey: key, spki } = newTlsKey()
  const holder = { fleet_uid, tenant_uid: newUid(), appliance_id: newUid() }
  const authority = await makeAuthority(fleet_uid, nowUs)
  const { certificate: cert } = await issue(authority, holder, {
    spki,
    names: ['localhost'],
    nowUs,
  })
  return listen(
    createHttps({ cert, key, minVersion: 'TLSv1.3' }, (asked, reply) => answer(asked, reply, act)),
  )
}

async function answer(
  asked: IncomingMessage,
  reply: ServerResponse,
  act: (body: Json) => Promise<Json>,
): Promise<void> {
  const send = (status: number, value: unknown) => {
    reply.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
    reply.end(JSON.stringify(value))
  }
  try {
    const chunks: Buffer[] = []
    for await (const chunk of asked as AsyncIterable<Buffer>) chunks.push(chunk)
    send(200, await act(JSON.parse(Buffer.concat(chunks).toString()) as Json))
  } catch (error) {
    const { message } = error as Error
    send(Failure.httpStatus(error), { error: { kind: Failure.kindOf(error), message } })
  }
}

async function listen(server: Server): Promise<Listening> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    host: '127.0.0.1',
    port,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
