/** Where no namespace can be made: the attacks as a capture, replayed through the same path. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TCP } from '../../agent/decode/packet.ts'
import { Chance } from '../traffic/chance.ts'
import { pcapFile, tcp, tcpConversation, timed, udp } from '../traffic/frames.ts'
import { DNS_TYPE, encodeQuery } from '../traffic/programs/dns-message.ts'
import { picket } from './appliance.ts'
import { planOf } from './plan.ts'

const STEP_US = 20_000

/** A scan, an exploit, a tunnel: nothing is enforced and no page is served, and it says so. */
export async function replayInstead(
  seed: number,
  { json, record, calm }: { json?: string; record?: string; calm?: boolean },
): Promise<number> {
  const folder = record ?? mkdtempSync(join(tmpdir(), 'picket-demo-'))
  const path = join(folder, `seed-${seed}.pcap`)
  writeFileSync(path, pcapFile(timed(calm ? [] : attackFrames(seed), Date.now() * 1000, STEP_US)))
  const { code, out } = await picket(
    'replay',
    path,
    '--home-net',
    planOf(seed).home.join(','),
    '--json',
  )
  if (!record) rmSync(folder, { recursive: true })
  process.stdout.write(`seed ${seed}\n${out}`)
  process.stdout.write('Nothing was enforced: that needs namespaces.\n')
  if (json) writeFileSync(json, out)
  return code ?? 1
}

function attackFrames(seed: number): Buffer[] {
  const plan = planOf(seed)
  const chance = new Chance(seed)
  const from = (kind: string) => plan.attacks.find((each) => each.kind === kind)?.from as string
  const [web] = plan.webs
  const [server] = plan.names
  if (!web || !server) return []
  const frames: Buffer[] = []
  for (let port = 1; port <= 60; port++) {
    const ends = { src: from('scan'), dest: web.host, srcPort: 40_000 + port, destPort: port }
    const back = { src: web.host, dest: from('scan'), srcPort: port, destPort: 40_000 + port }
    frames.push(tcp(ends, { seq: 1, flags: TCP.SYN }))
    frames.push(tcp(back, { seq: 0, ack: 2, flags: TCP.RST | TCP.ACK }))
  }
  const client = { src: from('web'), dest: web.host, srcPort: 50_000, destPort: web.port }
  const data =
    'GET /item?id=1%20UNION%20SELECT%20password%20FROM%20users HTTP/1.1\r\nHost: works\r\n\r\n'
  const reply = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'
  frames.push(
    ...tcpConversation(client, [
      { from: 'client', data },
      { from: 'server', data: reply },
    ]),
  )
  for (let i = 0; i < 150; i++) {
    const name = `${chance.word(50)}.${chance.word(40)}.t.exfil.example`
    const ends = { src: from('tunnel'), dest: server.host, srcPort: 30_000 + i, destPort: 53 }
    frames.push(udp(ends, encodeQuery({ id: i, name, type: DNS_TYPE.TXT })))
  }
  return frames
}
