/** A rule is left out between ends it is not for, and never between others, however many there are. */
import { expect, test } from 'vitest'
import { Chance } from '../../../test/traffic/chance.ts'
import { CLIENT, SignatureLab } from '../../../test/traffic/signature-lab.ts'
import { Packet } from '../../decode/packet.ts'
import { endsOfPacket } from './header-match.ts'
import type { Signature } from './rule.ts'
import { RuleSet } from './rule-set.ts'

const SEED = Number(process.env['PICKET_SEED'] ?? (Math.random() * 2 ** 32) >>> 0)
process.stderr.write(`packet-ends: PICKET_SEED=${SEED}\n`)

const NETS = ['any', '10.0.0.0/8', '!10.0.0.0/8', '[10.1.0.0/16,192.0.2.0/24]', '192.0.2.7', '!192.0.2.0/25'] // biome-ignore format: one list
const SOME_PORTS = ['any', '80', '!80', '1000:1010', '[80,1005]', '1024:']
/** Each port its own class: there are more kinds of ends than are told apart at once. */
const SINGLE_PORTS = Array.from({ length: 40 }, (_, i) => 2000 + i)

function ruleSet(chance: Chance): RuleSet {
  const some = Array.from({ length: 60 }, () => [
    `${chance.pick(NETS)} ${chance.pick(SOME_PORTS)}`,
    `${chance.pick(NETS)} ${chance.pick(SOME_PORTS)}`,
  ])
  const single = SINGLE_PORTS.flatMap((port) => [
    [`any ${port}`, 'any any'],
    ['any any', `any ${port}`],
  ])
  const text = [...some, ...single]
    .map(([from, to], i) => `alert udp ${from} -> ${to} (content:"abc"; sid:${i + 1};)`)
    .join('\n')
  return RuleSet.load([{ path: 'x.rules', text }]).ruleSet
}

function packetOf(chance: Chance): Packet {
  const packet = new Packet()
  const port = () => chance.pick([80, 443, 1005, 1020, ...SINGLE_PORTS])
  const address = () => chance.pick([0x0a00_0001, 0x0a01_0001, 0xc000_0207, 0xc000_02f0, 0x0808_0808]) // biome-ignore format: one list
  packet.srcPort = port()
  packet.destPort = port()
  packet.src.set([0, 0, 0xffff, address()])
  packet.dest.set([0, 0, 0xffff, address()])
  return packet
}

function fits({ header }: Signature, { src, dest, srcPort, destPort }: Packet): boolean {
  const ports = header.sourcePorts.has(srcPort) && header.destinationPorts.has(destPort)
  return ports && header.source.has(src, 0) && header.destination.has(dest, 0)
}

test('what was left out for one packet fits no other with the same ends', () => {
  const chance = new Chance(SEED)
  const rules = ruleSet(chance)
  const { ends } = rules.udp.classes
  let out = 0
  for (let round = 0; round < 20_000; round++) {
    const packet = packetOf(chance)
    const number = ends.of(packet)
    for (const signature of rules.signatures) {
      const fitting = fits(signature, packet)
      const isOut = ends.isOut(number, signature.index)
      if (isOut) out++
      if (isOut && fitting) expect.fail(`rule ${signature.hit.sid} was left out`)
      if (!isOut && !fitting) ends.leaveOut(number, signature, endsOfPacket(packet))
    }
  }
  expect(out).toBeGreaterThan(100_000)
  expect(ends.renewed).toBeGreaterThan(0)
})

test('streams of other ports before and between, and other rules, change nothing', () => {
  const rules = (port: number) =>
    `alert tcp any any -> any ${port} (flow:to_server; content:"abc"; sid:${port};)`
  const lab = new SignatureLab([81, 82].map(rules).join('\n'))
  let from = 50_000
  const fired = (destPort: number) => {
    const ends = { ...CLIENT, srcPort: from++, destPort }
    return lab.segments([['>', 'xabc'] as const, ['>', 'yabc'] as const], ends)
  }
  for (const port of [80, 80, 81, 80, 82, 81]) expect(fired(port)).toEqual(port === 80 ? [] : [port, port]) // biome-ignore format: one list
  lab.replace([80, 82].map(rules).join('\n'))
  for (const port of [81, 80, 82, 81]) expect(fired(port)).toEqual(port === 81 ? [] : [port, port])
})
