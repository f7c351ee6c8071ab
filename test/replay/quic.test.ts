/** Client hellos inside real QUIC, as Zeek and Arkime read them. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { AppPath } from '../traffic/app-path.ts'
import { corpus } from '../traffic/corpus.ts'

const zeek = corpus('zeek-traces')
const arkime = corpus('arkime')

interface Hello {
  client: string
  clientPort: number
  sni: string
  alpn: string
  ja3: string
  ja4: string
}

async function hellos(file: string): Promise<Hello[]> {
  const found: Hello[] = []
  const { spoken } = await AppPath.run(file)
  for (const { client, clientPort, tx } of spoken) {
    if (tx.proto !== 'quic') continue
    const { sni, alpn, ja3, ja4 } = tx.quic.tls
    found.push({ client, clientPort, sni, alpn: alpn[0] ?? '', ja3, ja4 })
  }
  return found
}

/** Rows of a log by the names of its columns; `-` is nothing. */
function rows(log: string): Record<string, string>[] {
  const lines = readFileSync(log, 'utf8').split('\n')
  const names =
    lines
      .find((line) => line.startsWith('#fields'))
      ?.split('\t')
      .slice(1) ?? []
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const values = line.split('\t')
      return Object.fromEntries(
        names.map((name, i) => [name, values[i] === '-' ? '' : (values[i] ?? '')]),
      )
    })
}

const CASES = {
  'quic.chromium': 'chromium-115.0.5790.110-api-cirrus-com',
  'quic.interop.quic-go_quic-go.handshake': 'interop__quic-go_quic-go__handshake',
  'quic.interop.quic-go_quic-go.zerortt': 'interop__quic-go_quic-go__zerortt',
  'quic.quicdoq': 'quicdoq',
  'quic.quicv2-http3-443': 'quicv2-http3-443',
}

describe.skipIf(!zeek)('QUIC as Zeek reads it', () => {
  test.each(Object.entries(CASES))('%s', async (name, capture) => {
    const log = join(zeek as string, 'expected', `scripts.base.protocols.${name}`, 'quic.log')
    const found = await hellos(join(zeek as string, 'pcaps', `quic__${capture}.pcap`))
    const expected = rows(log)
    expect(found).toHaveLength(expected.length)
    for (const row of expected) {
      const ours = found.find(({ clientPort }) => clientPort === Number(row['id.orig_p']))
      expect(ours).toMatchObject({ client: row['id.orig_h'], sni: row.server_name })
      expect(ours?.alpn).toBe(row.client_protocol)
    }
  })
})

describe.skipIf(!arkime)('QUIC as Arkime reads it', () => {
  test('JA3 and JA4', async () => {
    const expected = readFileSync(join(arkime as string, 'quicietf.expected.json'), 'utf8')
    const [hello, ...more] = await hellos(join(arkime as string, 'quicietf.pcap'))
    expect(more).toEqual([])
    expect(expected).toContain(`"${hello?.ja3}"`)
    expect(expected).toContain(`"${hello?.ja4}"`)
  })
})

describe.skipIf(!corpus('benign'))("Google's QUIC, of which hellos up to Q043 are read", () => {
  test('is no fault', async () => {
    for (const file of globSync(
      join(corpus('benign') as string, '{gquic,quic_q39,quic_q46,quic_q50,quic_t50}.pcap'),
    )) {
      const { faults, spoken } = await AppPath.run(file)
      const versions = spoken.map(({ tx }) => (tx.proto === 'quic' ? tx.quic.version : ''))
      expect(
        versions.filter((version) => !/^(?:Q0[0-4]\d)?$/.test(version)),
        file,
      ).toEqual([])
      expect(faults, file).toEqual([])
    }
  })
})
