/** What all decoders of industrial protocols share: how a message begins, and techniques of ATT&CK for ICS. */
import type { Cursor } from '../base/cursor.ts'
import type { IcsMessage } from './records.ts'

/** Where one message lies, and which way it went. */
export interface IcsSpan {
  start: number
  end: number
  toServer: boolean
}

/** Technique ids whose definition names the operation; a judgement of intent is never made here. */
export const TECHNIQUE = {
  /** Device Restart/Shutdown. */
  restart: 'T0816',
  /** Modify Parameter. */
  parameter: 'T0836',
  /** Program Download. */
  download: 'T0843',
  /** Program Upload. */
  upload: 'T0845',
  /** Unauthorized Command Message. */
  command: 'T0855',
  /** Change Operating Mode. */
  mode: 'T0858',
  /** Block Reporting Message. */
  reporting: 'T0804',
  /** Service Stop. */
  stop: 'T0881',
} as const

/** What is known of one operation of a protocol. */
export interface Operation {
  name: string
  write?: boolean
  attackIds?: readonly string[]
}

export function icsMessage(
  { name, write = false, attackIds = [] }: Operation,
  rest: Pick<IcsMessage, 'toServer' | 'request' | 'about' | 'fields'> & Partial<IcsMessage>,
): IcsMessage {
  const asked = rest.request && write
  return {
    operation: name,
    write: asked,
    attackIds: rest.request ? attackIds : [],
    fault: undefined,
    ...rest,
  }
}

/** The next `size` bytes as a number, low byte first. */
export function little(cursor: Cursor, size: number): number {
  let value = 0
  for (let i = 0, unit = 1; i < size; i++, unit *= 256) value += cursor.u8() * unit
  return value
}

/** Two bytes as a number, low byte first. The caller has checked that they are there. */
export function littleU16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
}
