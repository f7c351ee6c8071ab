/**
 * What the shards tell the baselines: small facts with packet time; observation-batch.ts takes them there. The
 * baselines run once a box (main thread), so they see a scan that the fan-out spread over all shards.
 */
import type { AppProto } from '../../decode/records.ts'

/** Addresses are RFC 5952 text; `src` opened the flow. */
export type Observation =
  | FlowNew
  | FlowEstablished
  | FlowRefused
  | FlowClosed
  | SshAttempt
  | ModbusWrite
  | OtWrite
  | DnsQuery

/** The first packet of a flow. `syn`: it was a TCP SYN without ACK. */
export interface FlowNew {
  what: 'flow-new'
  src: string
  dest: string
  port: number
  proto: 'TCP' | 'UDP'
  timeUs: number
  syn: boolean
}

/** The TCP handshake was seen whole. */
export interface FlowEstablished {
  what: 'flow-established'
  src: string
  dest: string
  port: number
  proto: 'TCP'
  timeUs: number
}

/** A SYN was answered by a reset; the flow's own end is told much later. */
export interface FlowRefused {
  what: 'flow-refused'
  src: string
  dest: string
  port: number
  proto: 'TCP'
  timeUs: number
}

export interface FlowClosed {
  what: 'flow-closed'
  src: string
  dest: string
  port: number
  proto: 'TCP' | 'UDP'
  timeUs: number
  /** Both directions together. */
  bytes: number
  packets: number
  durationMs: number
  /** TCP: handshake seen. UDP: the other side answered. */
  established: boolean
  app_proto: AppProto
}

/** Both banners were seen: said once a flow, at the second banner or when it ends. */
export interface SshAttempt {
  what: 'ssh-attempt'
  client: string
  server: string
  /** The server's port. */
  port: number
  timeUs: number
}

/** A Modbus request that writes. `station` sent it, `dest` is the controller. */
export interface ModbusWrite {
  what: 'modbus-write'
  station: string
  dest: string
  function: number
  unit: number
  timeUs: number
  /** The controller's port. */
  port: number
}

/** A request of another industrial protocol that writes, controls or reprograms. */
export interface OtWrite {
  what: 'ot-write'
  /** The protocol and the operation as a person says them: `DNP3`, `direct operate`. */
  protocol: string
  operation: string
  attackIds: readonly string[]
  station: string
  /** The controller. */
  dest: string
  port: number
  proto: 'TCP' | 'UDP'
  timeUs: number
}

/** A DNS question. */
export interface DnsQuery {
  what: 'dns-query'
  client: string
  name: string
  timeUs: number
  /** Who was asked. */
  server: string
}
