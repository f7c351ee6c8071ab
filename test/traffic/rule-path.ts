/** A capture through decode, flow, application layer and signatures: which rules fire, and on what. */

import { addressText } from '../../agent/base/address.ts'
import { openFile } from '../../agent/capture/file.ts'
import type { FrameBatch } from '../../agent/capture/source.ts'
import { SignatureEngine } from '../../agent/detect/signatures/engine.ts'
import type { RuleFile } from '../../agent/detect/signatures/rule-files.ts'
import { RuleSet } from '../../agent/detect/signatures/rule-set.ts'
import { Thresholds } from '../../agent/detect/signatures/thresholds.ts'
import type { Variables } from '../../agent/detect/signatures/variables.ts'
import { AppLayer } from '../../agent/flow/app-layer.ts'
import { FlowEngine } from '../../agent/flow/engine.ts'
import { FramePath } from '../../agent/flow/frame-path.ts'
import { FlowTable } from '../../agent/flow/table.ts'

export interface FiredRule {
  sid: number
  severity: string
  found: string
  packet: number
}

export interface Fired {
  /** After thresholds, in order. */
  fired: FiredRule[]
  incomplete: number
  frames: number
}

/** Runs `captures` as one stream. Files that break off in the middle are judged up to there. */
export async function fireRules(
  rules: RuleSet | readonly RuleFile[],
  captures: readonly string[],
  variables?: Variables,
): Promise<Fired> {
  const set = rules instanceof RuleSet ? rules : RuleSet.load(rules, variables).ruleSet
  const result: Fired = { fired: [], incomplete: 0, frames: 0 }
  const table = new FlowTable({ seed: 1 })
  const thresholds = new Thresholds(set)
  const app = new AppLayer(table, {
    transaction: (flow, transaction) => engine.transaction(flow, transaction, path.packet.timeUs),
    recognised: () => {},
    appFault: () => {},
  })
  const engine = new SignatureEngine(set, {
    flows: table,
    appProto: (flow) => app.appProto(flow),
    onIncomplete: () => void result.incomplete++,
    onAlert: ({ sid, severity }, { flow, toServer, timeUs, found, packet }) => {
      const client = flow < 0 ? '' : addressText(table.client, flow * 4)
      const server = flow < 0 ? '' : addressText(table.server, flow * 4)
      const [src, dest] = toServer ? [client, server] : [server, client]
      if (!thresholds.admit(sid, src, dest, timeUs)) return
      result.fired.push({ sid, severity, found, packet: packet?.number ?? 0 })
    },
  })
  const flows = new FlowEngine(
    { table },
    {
      packet(packet) {
        engine.packet(packet)
        if (packet.protocol === 17 && !packet.fragment) app.datagram(packet)
      },
      stream(...data) {
        engine.stream(...data)
        app.stream(...data)
      },
      gap(...data) {
        engine.gap(...data)
        app.gap(...data)
      },
      established() {},
      refused() {},
      ended(flow) {
        app.ended(flow)
        engine.ended(flow)
        engine.forget(flow)
      },
      fault() {},
    },
  )
  const path = new FramePath(flows)
  for (const capture of captures) await readAll(capture, (batch) => path.run(batch))
  flows.flush('shutdown')
  result.frames = path.processed
  return result
}

async function readAll(capture: string, run: (batch: FrameBatch) => void): Promise<void> {
  try {
    for await (const batch of openFile(capture)) run(batch)
  } catch {
    // a file that is broken ends here; what was whole before it has been judged
  }
}
