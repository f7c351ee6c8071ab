/** Rules over a talk of two ends: application decoders and signatures, without packets. */

import { decodeFrame } from '../../agent/decode/frame.ts'
import { Packet } from '../../agent/decode/packet.ts'
import type { AppProto } from '../../agent/decode/records.ts'
import { SignatureEngine } from '../../agent/detect/signatures/engine.ts'
import { RuleSet } from '../../agent/detect/signatures/rule-set.ts'
import { AppLayer } from '../../agent/flow/app-layer.ts'
import { FLOW, FlowTable } from '../../agent/flow/table.ts'
import type { Talk } from './app-talk.ts'
import { tcp } from './frames.ts'

const SYN = 2

export interface Heeded {
  proto: AppProto
  /** The sid of each rule that fired, in order, `>` for what the client sent and `<` for the server. */
  fired: string[]
  /** Rules that were refused: sid and reason. */
  refused: string[]
}

/** Each rule may leave out its sid: they are numbered from 1. Each turn in segments of `size` bytes. */
export function heeded({ port, turns }: Talk, rules: readonly string[], size = 1e6): Heeded {
  const text = rules
    .map((rule, i) => (rule.includes('sid:') ? rule : rule.replace(/\)$/, ` sid:${i + 1};)`)))
    .join('\n')
  const { ruleSet, refused } = RuleSet.load([{ path: 'talk.rules', text }])
  const table = new FlowTable({ flowsMax: 4 })
  const fired: string[] = []
  const app: AppLayer = new AppLayer(table, {
    transaction: (flow, tx) => engine.transaction(flow, tx, 1),
    recognised: () => {},
    appFault: () => {},
    appEvent: (flow, event, toServer) => engine.appEvent(event, flow, toServer, 1),
  })
  const engine = new SignatureEngine(ruleSet, {
    flows: table,
    appProto: (flow) => app.appProto(flow),
    onAlert: ({ sid }, { toServer }) => void fired.push(`${toServer ? '>' : '<'}${sid}`),
    onIncomplete: () => {},
  })
  const flow = openFlow(table, port)
  for (const { toServer, bytes } of turns)
    for (let at = 0; at < bytes.length; at += size) {
      // Views must not outlive the call.
      const part = Buffer.from(bytes.subarray(at, at + size))
      engine.stream(flow, toServer, part, 0, part.length)
      app.stream(flow, toServer, part, 0, part.length)
      part.fill(0xee)
    }
  const proto = app.appProto(flow)
  app.ended(flow)
  engine.ended(flow)
  const why = refused.map(({ sid, reason }) => `${sid}: ${reason}`)
  return { proto, fired, refused: why }
}

function openFlow(table: FlowTable, destPort: number): number {
  const frame = tcp({ src: '10.0.0.5', dest: '10.0.0.1', srcPort: 40_000, destPort }, { seq: 0, flags: SYN }) // biome-ignore format: one frame
  const packet = new Packet()
  packet.bytes = frame
  packet.end = frame.length
  packet.wireBytes = frame.length
  decodeFrame(packet, 1, -1)
  const flow = table.create(packet, true)
  table.state[flow] = FLOW.ESTABLISHED
  return flow
}
