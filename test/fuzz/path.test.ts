/** The whole path at once: disturbed conversations of any link type through decode, flow, application and rules. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parsePrefix } from '../../agent/base/address.ts'
import { type EventDraft, RECORD_BYTES_MAX } from '../../agent/base/event.ts'
import { Baselines } from '../../agent/detect/baselines/baselines.ts'
import { givenOn } from '../../agent/detect/baselines/observation-reader.ts'
import { RuleSet } from '../../agent/detect/signatures/rule-set.ts'
import { Inspector } from '../../agent/inspector.ts'
import { shippedRuleFiles } from '../../agent/rules-on-disk.ts'
import { Chance } from '../traffic/chance.ts'
import { corpus } from '../traffic/corpus.ts'
import { batchOf } from '../traffic/flow-recorder.ts'
import { tcpConversation, udp } from '../traffic/frames.ts'
import { fuzz, recordOrFault, SEED } from './fuzz.ts'
import { disturbed, mutated } from './mutation.ts'
import { realTraffic } from './seeds.ts'

const HOME = ['10.0.0.0/8', '192.168.0.0/16'].map(parsePrefix)
/** An Inspector takes 8 ms to make: it serves this many inputs. */
const INPUTS_AN_INSPECTOR = 200
const RULES_MAX = 400

const ENDS = { src: '10.0.0.5', dest: '10.0.1.10', srcPort: 40_000, destPort: 80 }
const web = tcpConversation(ENDS, [
  {
    from: 'client',
    data: 'GET /../etc/passwd?x=1%27%20UNION%20SELECT HTTP/1.1\r\nHost: a\r\n\r\n',
  },
  { from: 'server', data: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' },
])
const { conversations } = await realTraffic()
const byLink = [
  { linkType: 1, frames: web },
  { linkType: 1, frames: [udp(ENDS, 'x')] },
  ...conversations,
]

function realRules(): string {
  const folder = corpus('rules')
  if (!folder) return ''
  const lines = globSync(join(folder, '*.rules')).flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('alert')),
  )
  return new Chance(SEED).sample(lines, RULES_MAX).join('\n')
}

const texts = shippedRuleFiles().map((path) => ({ path, text: readFileSync(path, 'utf8') }))
const shipped = RuleSet.load([...texts, { path: 'real.rules', text: realRules() }]).ruleSet

class Path {
  readonly #baselines = new Baselines()
  readonly inspector: Inspector
  inputs = 0
  #timeUs = 1_700_000_000_000_000

  constructor(rules: RuleSet) {
    const look = (draft: EventDraft) => {
      const record = JSON.stringify(draft.record ?? {})
      if (Buffer.byteLength(record) > RECORD_BYTES_MAX) throw new Error('a record is too long')
    }
    this.inspector = new Inspector(
      { home: HOME, rules, run: 0, shard: 0, seed: 1, selfTestSecret: undefined },
      {
        event: look,
        alert: ({ draft }) => look(draft),
        observations: givenOn((seen) => void this.#baselines.observe(seen)),
        sighting: () => {},
        selfTestFound: () => {},
      },
    )
  }

  run(frames: readonly Uint8Array[], linkType: number): void {
    const before = this.inspector.processed
    this.inspector.run(batchOf(frames, this.#timeUs, 1000, linkType))
    this.#timeUs += 1e6
    if (this.inspector.processed - before !== frames.length) throw new Error('a frame is missing')
    if (++this.inputs % INPUTS_AN_INSPECTOR === 0) this.end()
  }

  end(): void {
    this.inspector.end()
    for (const word of Object.keys(this.inspector.faults)) recordOrFault(word)
    const { flowsLive, appStates } = this.inspector.counters
    if (flowsLive !== 0 || appStates !== 0)
      throw new Error(`${flowsLive} flows, ${appStates} states stayed`)
  }
}

interface Wire {
  linkType: number
  frames: Uint8Array[]
}

let path = new Path(shipped)
const show = ({ linkType, frames }: Wire) =>
  `link ${linkType}\n${frames.map((frame) => Buffer.from(frame).toString('hex')).join('\n')}`

fuzz<Wire>({
  name: 'whole path',
  next: (chance) => {
    const { linkType, frames } = chance.pick(byLink)
    const others = byLink.filter((each) => each.linkType === linkType).map((each) => each.frames)
    return { linkType, frames: disturbed(chance, [frames, chance.pick(others)]) }
  },
  judge: ({ linkType, frames }) => {
    if (path.inputs >= INPUTS_AN_INSPECTOR) path = new Path(shipped)
    path.run(frames, linkType)
  },
  show,
})

/** Rules nobody would write, that load all the same, over traffic. */
interface Mix {
  text: string
  wire: Wire
}

const lines = [...texts.map(({ text }) => text), realRules()]
  .flatMap((text) => text.split('\n'))
  .filter((line) => line.startsWith('alert'))
  .map((line) => Buffer.from(line))

fuzz<Mix>({
  name: 'mutated rules over traffic',
  next: (chance) => ({
    text: Array.from({ length: 20 }, () => mutated(chance, lines).toString('utf8')).join('\n'),
    wire: chance.pick(byLink),
  }),
  judge: ({ text, wire }) => {
    path.inspector.swapRules(RuleSet.load([{ path: 'f.rules', text }]).ruleSet)
    if (path.inputs >= INPUTS_AN_INSPECTOR) path = new Path(shipped)
    path.run(wire.frames, wire.linkType)
  },
  show: ({ text, wire }) => `${text}\n${show(wire)}`,
})
