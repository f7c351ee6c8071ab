/** Literals that are anywhere are looked for between the ports of their rules alone: all the same each rule fires where it matches. */
import { expect, test } from 'vitest'
import { Chance } from '../../../test/traffic/chance.ts'
import { SignatureLab } from '../../../test/traffic/signature-lab.ts'
import { Inspector } from './inspect.ts'
import { isByPort } from './open-ports.ts'
import { RuleSet } from './rule-set.ts'

const SEED = Number(process.env['PICKET_SEED'] ?? (Math.random() * 2 ** 32) >>> 0)
process.stderr.write(`open-ports: PICKET_SEED=${SEED}\n`)

const LITERALS = ['a', ' ', '|00|', '|03 00|', '|16 03|', 'et', 'abc', '|00 00 00|', 'lit']
const PORTS = ['any', '80', '137', '[137,3306]', '[1024:5000]', '[1024:]', '!137', '3306']
const BYTES = ['a', ' ', '\x00', '\x03', '\x16', 'e', 't', 'bc', 'lit', '-']

function rule(chance: Chance, sid: number, proto: string): string {
  const place = chance.pick(['', '', 'depth:4; ', 'offset:2; ', 'startswith; '])
  const more = chance.pick(['', '', `content:"${chance.pick(LITERALS)}"; distance:0; `])
  const arrow = chance.pick(['->', '->', '<>'])
  const flow = proto === 'tcp' ? chance.pick(['', 'flow:to_server; ', 'flow:to_client; ']) : ''
  const ends = `any ${chance.pick(PORTS)} ${arrow} any ${chance.pick(PORTS)}`
  return `alert ${proto} ${ends} (msg:"x"; ${flow}content:"${chance.pick(LITERALS)}"; ${place}${more}sid:${sid};)`
}

test.each(['udp', 'tcp'])('over %s', (proto) => {
  const chance = new Chance(SEED)
  const inspector = new Inspector()
  const rules = Array.from({ length: 250 }, (_, i) => rule(chance, i + 1, proto)).join('\n')
  const { signatures } = RuleSet.load([{ path: 'x', text: rules }]).ruleSet
  let byPort = 0
  for (const each of signatures) if (each.fast && isByPort(each, each.fast)) byPort++
  expect(byPort).toBeGreaterThan(30)
  let lab = new SignatureLab(rules)
  for (let round = 0; round < 120; round++) {
    if (round % 40 === 0) lab = new SignatureLab(rules) // it has room for 64 flows
    const port = () => chance.pick([137, 3306, 80, 1024, 5001, 40_000 + round])
    const ends = { src: '10.0.0.5', dest: '203.0.113.9', srcPort: 2000 + round, destPort: port() }
    const length = chance.pick([0, 1, 3, 12, 60])
    const bytes = Buffer.from(Array.from({ length }, () => chance.pick(BYTES)).join(''), 'latin1')
    const toServer = proto === 'udp' || chance.int(0, 1) === 0
    const fired =
      proto === 'udp'
        ? lab.datagram(bytes, ends)
        : lab.segments([[toServer ? '>' : '<', bytes]], ends)
    const [from, to] = toServer ? [ends.srcPort, ends.destPort] : [ends.destPort, ends.srcPort]
    const expected = signatures.filter(({ header, side, payload }) => {
      if (!header.sourcePorts.has(from) || !header.destinationPorts.has(to)) return false
      inspector.refill()
      const way = side === 0 || (side === 1) === toServer
      return way && inspector.matches(payload, bytes, 0, bytes.length)
    })
    const sids = (list: readonly number[]) => [...new Set(list)].sort((a, b) => a - b)
    expect(sids(fired), `${round}`).toEqual(sids(expected.map(({ hit }) => hit.sid)))
  }
})
