/** Generated captures in, golden records out: a diff here is read line by line by a person. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { EventDraft } from '../../agent/base/event.ts'
import { openFile } from '../../agent/capture/file.ts'
import { Replay } from '../../agent/replay.ts'
import { shippedRuleFiles } from '../../agent/rules-on-disk.ts'
import { type Ends, icmpEcho, pcapFile, tcpConversation, timed, udp } from '../traffic/frames.ts'
import { ICS_TALKS } from './ics-messages.ts'
import { clientHello, dnsAnswer, dnsQuestion, modbusWrite } from './messages.ts'

const HOME = ['10.0.0.0/8', 'fd00::/8']
const office: Ends = { src: '10.0.0.5', dest: '10.0.1.10', srcPort: 40_000, destPort: 80 }

const CASES: Record<string, Uint8Array[]> = {
  dns: [
    udp(
      { src: '10.0.0.5', dest: '10.0.1.53', srcPort: 5353 + 1, destPort: 53 },
      dnsQuestion('www.example.com'),
    ),
    udp(
      { src: '10.0.1.53', dest: '10.0.0.5', srcPort: 53, destPort: 5353 + 1 },
      dnsAnswer('www.example.com', [192, 0, 2, 1]),
    ),
  ],
  http: tcpConversation(office, [
    {
      from: 'client',
      data: 'GET /a/../b%41?x=1 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: curl/8\r\n\r\n',
    },
    {
      from: 'server',
      data: 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    },
  ]),
  'sql injection in small segments over IPv6': tcpConversation(
    { src: 'fd00::5', dest: 'fd00::1:10', srcPort: 41_000, destPort: 8080 },
    [
      {
        from: 'client',
        data: 'GET /item?id=1%27%20UNION%20SELECT%20name,pass%20FROM%20users-- HTTP/1.1\r\nHost: shop.example\r\n\r\n',
      },
      { from: 'server', data: 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n' },
    ],
    7,
  ),
  ssh: tcpConversation({ ...office, srcPort: 42_000, destPort: 22 }, [
    { from: 'server', data: 'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n' },
    { from: 'client', data: 'SSH-2.0-PuTTY_Release_0.80\r\n' },
  ]),
  tls: tcpConversation({ ...office, srcPort: 43_000, destPort: 443 }, [
    { from: 'client', data: clientHello('mail.example') },
  ]),
  modbus: tcpConversation({ ...office, srcPort: 44_000, destPort: 502 }, [
    { from: 'client', data: modbusWrite(7, 100, [70, 280]) },
    { from: 'server', data: modbusWrite(7, 100, [70, 280]).subarray(0, 12) },
  ]),
  icmp: [
    icmpEcho({ src: '10.0.0.5', dest: '10.0.1.10' }, 1, 1),
    icmpEcho({ src: '10.0.1.10', dest: '10.0.0.5' }, 1, 1, true),
  ],
  ...icsCases(),
}

function icsCases(): Record<string, Uint8Array[]> {
  const cases: Record<string, Uint8Array[]> = {}
  for (const [proto, { port, question, answer, udp: datagrams }] of Object.entries(ICS_TALKS)) {
    const ends = { ...office, srcPort: 45_000, destPort: port }
    const back = { src: ends.dest, dest: ends.src, srcPort: ends.destPort, destPort: ends.srcPort }
    cases[proto] = datagrams
      ? [udp(ends, question), udp(back, answer)]
      : tcpConversation(ends, [
          { from: 'client', data: question },
          { from: 'server', data: answer },
        ])
  }
  return cases
}

test.each(Object.entries(CASES))('%s', async (name, frames) => {
  const file = join(mkdtempSync(join(tmpdir(), 'picket-golden-')), 'in.pcap')
  writeFileSync(file, pcapFile(timed(frames)))
  const rows: EventDraft[] = []
  const replay = new Replay({
    ruleFiles: shippedRuleFiles(),
    baselines: true,
    home: HOME,
    onRow: (row) => rows.push(row),
  })
  await replay.read(openFile(file))
  const { packets, processed, dropped } = replay.end()
  expect({ packets, processed, dropped }).toEqual({
    packets: frames.length,
    processed: frames.length,
    dropped: 0,
  })
  const lines = rows.map(({ event_id: _, ...row }) => JSON.stringify(row))
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`./${name.replaceAll(' ', '-')}.jsonl`)
})
