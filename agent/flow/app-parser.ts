/** What the application layer asks of a protocol, and what it tells the stages after it. */
import type { Fault } from '../base/fault.ts'
import type { AppEvent } from '../decode/app-events.ts'
import type { AppProto, Transaction } from '../decode/records.ts'
import type { FtpData } from '../decode/records-it.ts'

/** Called while a packet is in hand (its time is the time), or when a flow ends. */
export interface TransactionListener {
  /** The same object at each stage, filled in further; it may be kept, of HTTP without its bodies unless it says `kept`. */
  transaction(flow: number, tx: Transaction): void
  /** Said again when a tunnel turns into another protocol. */
  recognised(flow: number, proto: AppProto): void
  /** Each word once a flow. All are counted in `AppLayer.faults`. */
  appFault(flow: number, fault: Fault): void
  /** Something that rules have a name for; `toServer`: in what that side sent. */
  appEvent?(flow: number, event: AppEvent, toServer: boolean): void
  /** From here on both sides send what only they can read. */
  appSealed?(flow: number): void
}

/** `more`: go on. `done`: the rest is of no use. `watch`: a tunnel begins, in which TLS may start. `anew`: one in which anything may. */
export type Verdict = 'more' | 'done' | 'watch' | 'anew'

/** `grown`: taken, and its memory is more than before. `passed`: taken, and it is not. */
export type Inside = 'no' | 'grown' | 'passed'

/** One flow's state in one protocol. Byte views are valid during the call only. */
export interface AppParser {
  readonly proto: AppProto
  /** Bytes of memory it keeps: they are bounded over all flows. */
  readonly held: number
  /** Both sides have begun to encrypt. */
  readonly sealed?: boolean
  stream(toServer: boolean, bytes: Buffer): Verdict
  /**
   * Takes [start, end) of `bytes` where all of it lies inside of what is read already, as most of a file does: no view is made for it, and
   * nothing is told. `no`: it is to come by `stream`.
   */
  inside?(toServer: boolean, bytes: Uint8Array, start: number, end: number): Inside
  /** The same of [start, end), where it needs no view of its own. */
  span?(toServer: boolean, bytes: Buffer, start: number, end: number): Verdict
  gap(toServer: boolean, missing: number): Verdict
  /** Of a protocol over datagrams: nothing of this one goes on in the next. */
  datagramEnded?(toServer: boolean): void
  /** Hands on what is unfinished. */
  ended(): void
}

/** Where one flow's parser reports. */
export interface AppSink {
  transaction(tx: Transaction): void
  fault(fault: Fault): void
  event(event: AppEvent, toServer: boolean): void
  /** A connection to come, to `port` of `address` or, where that is '', of this flow's own `side`. */
  expect(data: ExpectedData): void
}

/** A data connection that a control connection speaks of before it is opened. */
export interface ExpectedData {
  /** Which end of the control connection listens. */
  listener: 'client' | 'server'
  port: number
  /** What it is for; may be filled in until its first bytes come. */
  about: FtpData
}
