/**
 * Captures of Arkime's own tests, their sessions as Arkime decoded them. Of a protocol that is not decoded here all
 * fields count as compared and none as equal.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { AppPath, type Spoken } from '../traffic/app-path.ts'
import { corpus } from '../traffic/corpus.ts'
import { arkimeSessions, NOBODY } from './arkime-rows.ts'
import { type Fields, Oracle } from './oracle.ts'

/** Fields that say what was decoded. */
const COMPARED: Record<string, string[]> = {
  dns: ['queryHost', 'qt', 'status'],
  http: 'method host statuscode useragent path clientVersion serverVersion'.split(' '),
  tls: ['ja3', 'ja3s', 'ja4', 'version'],
  cert: 'hash subjectCN issuerCN subjectON issuerON serial notBefore notAfter'.split(' '),
  ssh: ['version'],
  modbus: ['unitid', 'transactionid', 'funccode', 'exccode'],
  dhcp: ['host', 'mac', 'classId', 'id'],
  ftp: ['command', 'responseCode', 'banner'],
  email: 'smtpHello src dst subject contentType id useragent mimeVersion'.split(' '),
  smb: 'dialect filename domain os share user version host'.split(' '),
  krb5: ['cname', 'realm', 'sname', 'etype', 'error'],
  rdp: ['requestedProtocols', 'selectedProtocol'],
  dcerpc: ['msgType', 'uuid', 'opnum'],
  ntlm: ['domain', 'host'],
  quic: ['host', 'version'],
}

/** Reached, in percent: none may fall behind. A protocol that is not listed is not decoded. */
const REACHED: Record<string, number> = {
  cert: 98,
  dns: 99,
  email: 100,
  ftp: 100,
  http: 96,
  modbus: 100,
  ssh: 100,
  tls: 98,
  dhcp: 100,
  smb: 95,
  ntlm: 100,
  krb5: 100,
  rdp: 100,
  dcerpc: 100,
  quic: 100,
}

type Body = Record<string, unknown> & {
  source: { ip: string; port: number }
  destination: { ip: string; port: number }
  protocol?: string[]
  /** Milliseconds. */
  firstPacket: number
  lastPacket: number
}

const folder = corpus('arkime')
const files = folder ? readdirSync(folder).filter((file) => file.endsWith('.expected.json')) : []

describe.skipIf(!folder)('captures of Arkime', () => {
  test('fields by protocol', { timeout: 120_000 }, async () => {
    const oracle = new Oracle()
    for (const file of files) {
      const name = file.replace('.expected.json', '')
      const { sessions3 } = JSON.parse(readFileSync(join(folder as string, file), 'utf8'))
      const { spoken } = await AppPath.run(join(folder as string, `${name}.pcap`))
      for (const { body } of sessions3 as { body: Body }[]) {
        const { source, destination } = body
        const key = `${source.ip} ${source.port} ${destination.ip} ${destination.port}`
        const back = `${destination.ip} ${destination.port} ${source.ip} ${source.port}`
        const ours = arkimeSessions(within(spoken, body))
        compare(oracle, `${name} ${key}`, body, ours.get(key) ?? ours.get(back))
      }
    }
    process.stdout.write(`Arkime's captures\n${oracle.table()}\n`)
    oracle.holds(REACHED)
  })
})

/** Each exchange of DHCP is a session to Arkime, between whatever ports. */
function within(spoken: readonly Spoken[], { firstPacket, lastPacket }: Body): readonly Spoken[] {
  return spoken.filter(
    ({ tx, timeUs }) =>
      tx.proto !== 'dhcp' || (timeUs >= firstPacket * 1000 && timeUs < (lastPacket + 1) * 1000),
  )
}

function compare(
  oracle: Oracle,
  where: string,
  body: Body,
  ours: Record<string, Set<string>> | undefined,
): void {
  for (const [protocol, names] of Object.entries(COMPARED)) {
    const theirs = [body[protocol] ?? []].flat() as Record<string, unknown>[]
    if (theirs.length === 0) continue
    const expected: Fields = {}
    const found: Fields = {}
    for (const name of names) {
      expected[name] = list(theirs.flatMap((one) => one[name] ?? []).map(String))
      const said = [...(ours?.[`${protocol}.${name}`] ?? [])]
      found[name] = list(said.map((text) => (text === NOBODY ? '' : text)))
    }
    oracle.compare(rowOf(protocol, body), where, expected, ours && found)
  }
}

/** What travels in another protocol that is not decoded here has a row of its own. */
const CARRIERS = ['isakmp', 'opcua', 'imap', 'sctp']

function rowOf(protocol: string, { protocol: all = [] }: Body): string {
  const carrier = CARRIERS.find((name) => all.includes(name))
  return carrier ? `${protocol} in ${carrier}` : protocol
}

const list = (values: string[]) => [...new Set(values)].sort().join(', ')
