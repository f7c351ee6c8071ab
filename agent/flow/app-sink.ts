/** Where the parsers of all flows report. What a flow says over and over is told once, or so often, and counted each time. */
import { FAULTS, type Fault } from '../base/fault.ts'
import type { AppEvent } from '../decode/app-events.ts'
import type { Transaction } from '../decode/records.ts'
import type { ExpectedConnections } from './app-expected.ts'
import type { AppSink, ExpectedData, TransactionListener } from './app-parser.ts'

/** Events told of one flow. */
const EVENTS_MAX = 64

export class AppReports {
  readonly faults: Partial<Record<Fault, number>> = {}
  /** Events that were not told because EVENTS_MAX was met. */
  eventsDropped = 0
  readonly #listener: TransactionListener
  /** Events told of each flow. */
  readonly #events: Uint8Array
  /** Which fault words each flow has said: two words of 32 bits. */
  readonly #said: Uint32Array

  constructor(flowsMax: number, listener: TransactionListener) {
    this.#listener = listener
    this.#events = new Uint8Array(flowsMax)
    this.#said = new Uint32Array(flowsMax * 2)
  }

  transaction(flow: number, tx: Transaction): void {
    this.#listener.transaction(flow, tx)
  }

  fault(flow: number, fault: Fault): void {
    this.faults[fault] = (this.faults[fault] ?? 0) + 1
    const index = FAULTS.indexOf(fault)
    const at = flow * 2 + (index >> 5)
    const bit = 1 << (index & 31)
    const said = this.#said[at] as number
    if ((said & bit) !== 0) return
    this.#said[at] = said | bit
    this.#listener.appFault(flow, fault)
  }

  event(flow: number, event: AppEvent, toServer: boolean): void {
    const told = this.#events[flow] as number
    if (told >= EVENTS_MAX) {
      this.eventsDropped++
      return
    }
    this.#events[flow] = told + 1
    this.#listener.appEvent?.(flow, event, toServer)
  }

  ended(flow: number): void {
    this.#events[flow] = 0
    this.#said[flow * 2] = 0
    this.#said[flow * 2 + 1] = 0
  }
}

/** Of one class for all flows and all shards: closures of each are new to the code that calls them, and have it made again. */
export class FlowSink implements AppSink {
  readonly #reports: AppReports
  readonly #expected: ExpectedConnections
  readonly #flow: number

  constructor(reports: AppReports, expected: ExpectedConnections, flow: number) {
    this.#reports = reports
    this.#expected = expected
    this.#flow = flow
  }

  transaction(tx: Transaction): void {
    this.#reports.transaction(this.#flow, tx)
  }

  fault(fault: Fault): void {
    this.#reports.fault(this.#flow, fault)
  }

  event(event: AppEvent, toServer: boolean): void {
    this.#reports.event(this.#flow, event, toServer)
  }

  expect(data: ExpectedData): void {
    this.#expected.add(this.#flow, data)
  }
}
