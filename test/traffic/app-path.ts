/** A capture through the real path up to the application layer and the baselines; rules left out. */
import { parsePrefix } from '../../agent/base/address.ts'
import type { EventDraft } from '../../agent/base/event.ts'
import type { Fault } from '../../agent/base/fault.ts'
import { openFile } from '../../agent/capture/file.ts'
import { keepLent } from '../../agent/decode/lent.ts'
import type { Packet } from '../../agent/decode/packet.ts'
import type { Transaction } from '../../agent/decode/records.ts'
import { Baselines } from '../../agent/detect/baselines/baselines.ts'
import type { BaselineFinding } from '../../agent/detect/baselines/finding.ts'
import { givenOn } from '../../agent/detect/baselines/observation-reader.ts'
import { flowEvent, transactionEvent } from '../../agent/detect/eve.ts'
import { AppLayer } from '../../agent/flow/app-layer.ts'
import { FlowEngine } from '../../agent/flow/engine.ts'
import { FramePath } from '../../agent/flow/frame-path.ts'
import type { EndReason, FlowListener } from '../../agent/flow/listener.ts'
import { FlowTable } from '../../agent/flow/table.ts'
import { FlowViews } from '../../agent/flow-views.ts'
import { Observer } from '../../agent/observer.ts'

export interface Spoken {
  client: string
  clientPort: number
  server: string
  serverPort: number
  /** Of the packet that it was told with. */
  timeUs: number
  tx: Transaction
}

export class AppPath implements FlowListener {
  /** Each stage of each transaction; the objects are filled in further as the capture goes on. */
  readonly spoken: Spoken[] = []
  readonly events: EventDraft[] = []
  readonly findings: BaselineFinding[] = []
  readonly faults: Fault[] = []
  readonly app: AppLayer
  readonly #table = new FlowTable()
  readonly #engine: FlowEngine
  readonly #path: FramePath
  readonly #views: FlowViews
  readonly #observer: Observer
  #timeUs = 0

  constructor() {
    this.app = new AppLayer(this.#table, {
      transaction: (flow, tx) => this.#transaction(flow, tx),
      recognised: () => {},
      appFault: (_, fault) => void this.faults.push(fault),
    })
    this.#engine = new FlowEngine({ table: this.#table }, this)
    this.#path = new FramePath(this.#engine)
    const appProto = (flow: number) => this.app.appProto(flow)
    this.#views = new FlowViews(this.#table, appProto, ['10.0.0.0/8'].map(parsePrefix))
    const baselines = new Baselines()
    const seen = givenOn((one) => {
      this.findings.push(...baselines.observe(one).filter(({ update }) => !update))
    })
    this.#observer = new Observer(this.#table, appProto, seen)
  }

  /** A file that is broken at its end is read up to there. */
  static async run(file: string): Promise<AppPath> {
    const path = new AppPath()
    try {
      for await (const batch of openFile(file)) path.#path.run(batch)
    } catch (error) {
      if (path.#path.processed === 0) throw error
    }
    path.#engine.flush('shutdown')
    return path
  }

  packet(packet: Packet): void {
    this.#timeUs = packet.timeUs
    if (packet.flow >= 0) this.#observer.packet(packet)
    if (packet.protocol === 17 && !packet.fragment) this.app.datagram(packet)
  }

  stream(flow: number, toServer: boolean, bytes: Uint8Array, start: number, end: number): void {
    this.app.stream(flow, toServer, bytes, start, end)
  }

  gap(flow: number, toServer: boolean, missing: number): void {
    this.app.gap(flow, toServer, missing)
  }

  refused(flow: number): void {
    this.#observer.refused(flow)
  }

  established(flow: number): void {
    this.#observer.established(flow)
  }

  ended(flow: number, reason: EndReason): void {
    const view = this.#views.view(flow)
    this.#observer.ended(flow)
    this.app.ended(flow)
    this.events.push(flowEvent(view, this.#views.totals(flow, reason, false)))
  }

  fault(): void {}

  #transaction(flow: number, tx: Transaction): void {
    keepLent(tx)
    const view = this.#views.view(flow)
    const { client, clientPort, server, serverPort } = view
    this.spoken.push({ client, clientPort, server, serverPort, timeUs: this.#timeUs, tx })
    this.#observer.transaction(flow, tx, this.#timeUs)
    const draft = transactionEvent(view, tx, { timeUs: this.#timeUs })
    if (draft) this.events.push(draft)
  }
}
