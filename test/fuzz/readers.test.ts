/** Readers of what is not traffic: settings, overrides, lines of an annex, datasets; and of files inside messages. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../agent/base/failure.ts'
import { readOverrides } from '../../agent/control/commands/explain.ts'
import { keepLent } from '../../agent/decode/lent.ts'
import type { HttpTransaction, Transaction } from '../../agent/decode/records.ts'
import { readCertificate } from '../../agent/detect/certificate.ts'
import { filesOf } from '../../agent/detect/eve-files.ts'
import { Dataset } from '../../agent/detect/signatures/datasets.ts'
import { AppLayer } from '../../agent/flow/app-layer.ts'
import { readInspection } from '../../agent/inspection.ts'
import { readAnnexLine } from '../../agent/lake/annex.ts'
import { linesOf } from '../../agent/lake/ndjson.ts'
import { BlockWriter, PACKET_HEAD_BYTES, readBlocks, timeOf } from '../../agent/packets/blocks.ts'
import { selfSigned } from '../traffic/certificate.ts'
import { batchOf } from '../traffic/flow-recorder.ts'
import { fuzzBytes, scratchFolder } from './fuzz.ts'

const path = join(scratchFolder(), 'in.json')

/** The answer, or undefined where it was refused in one line. */
async function accepted<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'invalid') throw error
    if (/\p{Cc}/u.test(error.message) || error.message.length > 1000)
      throw new Error(`no single line: ${error.message.slice(0, 2000)}`)
    return undefined
  }
}

const texts = (...values: unknown[]) =>
  values.map((value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))

fuzzBytes(
  'settings of inspection',
  texts(
    {
      checksum: 'auto',
      midstream: true,
      offload: 'malformed',
      eve_types: ['alert', { dns: { version: 3 } }],
    },
    { stream: { midstream: false, reassembly: { depth: 1000 } }, mode: 'ips' },
    { app_layer: { smb: { enabled: 'detection-only' } }, http_decompress_layers: 3 },
    { vars: { 'address-groups': { HOME_NET: '[10.0.0.0/8,!10.1.0.0/16]' } } },
    '// why\n{"checksum": "none",}\n',
    '{"\\u001b[31m": 1}',
    '{"stream": {"a\\u0007b": true}}',
  ),
  async (bytes) => {
    writeFileSync(path, bytes)
    await accepted(() => readInspection(path))
  },
)

const ENTRY = { rule_id: 'sid:2', comment: 'why', override_id: 'o', by: 'anna', at: 5 }
fuzzBytes(
  'overrides',
  texts(
    [{ ...ENTRY, act: 'suppress', where: { address: '10.0.0.0/8', side: 'src' } }],
    [
      {
        ...ENTRY,
        act: 'threshold',
        threshold: { kind: 'limit', track: 'by_src', count: 1, seconds: 9 },
      },
      { ...ENTRY, act: 'disable', expires: 7, held: 3 },
    ],
    { a: 1 },
  ),
  async (bytes) => {
    writeFileSync(path, bytes)
    await accepted(() => readOverrides(path))
  },
)

const EVENT = '0198c5a0-1111-7000-8000-000000000001'
fuzzBytes(
  'lines of an annex',
  texts(
    `{"event_id":"${EVENT}","name":"case","value":"42"}\n{"tenant_id":"a","event_id":"${EVENT}","name":"n","value":{"a":[1,null]}}\n`,
    '{"a\u001b[2J": }',
    `\n{"event_id":"${EVENT}","name":"score","value":1e999}\r\n[]\n{"x":1}`,
  ),
  async (bytes) => {
    writeFileSync(path, bytes)
    await accepted(async () => {
      for await (const { line, number } of linesOf(path)) {
        const read = await accepted(() => readAnnexLine(line, number))
        if (read && read.value.name === '') throw new Error('a value without a name')
      }
    })
  },
)

fuzzBytes('datasets', texts('mail.example', 'x'.repeat(100), ''), (bytes) => {
  for (const type of ['string', 'md5', 'sha256'] as const) {
    const set = new Dataset(type)
    if (!set.add(bytes) || set.add(bytes) || !set.has(bytes)) throw new Error('not kept')
    if (!set.remove(bytes) || set.has(bytes)) throw new Error('not removed')
  }
})

const BOUNDARY = 'b1'
const FORM = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="a"; filename="plan.pdf"\r\nContent-Type: a/b\r\n\r\nPDF\r\n--${BOUNDARY}\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--${BOUNDARY}--\r\n`

/** What is heard of a request whose body is given. */
function formOf(body: Buffer): HttpTransaction | undefined {
  let heard: HttpTransaction | undefined
  const app = new AppLayer(
    { flowsMax: 1, serverPort: Uint16Array.of(80) },
    {
      transaction: (_: number, tx: Transaction) => {
        if (tx.proto !== 'http') return
        heard = tx.http
        keepLent(tx)
      },
      recognised: () => {},
      appFault: () => {},
    },
  )
  const head = `POST /up HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=${BOUNDARY}\r\nContent-Length: ${body.length}\r\n\r\n`
  const bytes = Buffer.concat([Buffer.from(head), body])
  app.stream(0, true, bytes, 0, bytes.length)
  app.ended(0)
  return heard
}

fuzzBytes('forms of HTTP', texts(FORM, FORM.replaceAll('\r\n', '\n')), (bytes) => {
  const http = formOf(bytes)
  if (!http) return
  const files = filesOf({ proto: 'http', stage: 'done', http })
  if (files.length > 17) throw new Error(`${files.length} files`)
  for (const { body, filename } of files)
    if (body.length > bytes.length || filename.length > 65_536)
      throw new Error('more than was sent')
})

fuzzBytes(
  'certificates',
  [Buffer.from(selfSigned('mail.example').cert.replace(/-.*-|\s/g, ''), 'base64')],
  (bytes) => {
    const { fingerprint, names } = readCertificate(bytes) ?? { fingerprint: '', names: [] }
    if (fingerprint.length !== 59 && bytes.length < 16_384) throw new Error('no fingerprint')
    if (names.length > 256) throw new Error('too many names')
  },
)

function blocks(): Buffer[] {
  const writer = new BlockWriter(4096)
  writer.section()
  writer.interface({ linkType: 1, name: 'eth0' })
  const batch = batchOf([Buffer.alloc(60, 1), Buffer.alloc(61, 2)], 1_700_000_000_000_000, 1000)
  for (let i = 0; i < batch.count; i++) writer.frame(batch, i, 0)
  return [Buffer.from(writer.bytes.subarray(0, writer.used))]
}

fuzzBytes('blocks of a packet ring', blocks(), (bytes) => {
  let end = 0
  readBlocks(bytes, {
    section: () => {},
    interface: (_, name) => {
      if (name.length > bytes.length) throw new Error('a long name')
    },
    packet: (at, length, captured) => {
      if (at < end || at + length > bytes.length) throw new Error('a block outside')
      if (PACKET_HEAD_BYTES + captured > length) throw new Error('a frame outside its block')
      if (!(timeOf(bytes, at) >= 0)) throw new Error('no time')
      end = at + length
    },
  })
})
