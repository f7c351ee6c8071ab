/** ARP for IPv4 over Ethernet (RFC 826). */
import { readU16, readU32, readU48, V4_WORD } from './bytes.ts'

export const ARP_BYTES = 28

export interface ArpMessage {
  /** 1 request, 2 reply. */
  op: number
  senderMac: string
  senderAddress: Uint32Array
  targetMac: string
  targetAddress: Uint32Array
}

const SENDER_MAC = 8
const SENDER_ADDRESS = 14

/** Who sends the message at `at`, without a record of it: the address in the last of four words, the MAC as a number. */
export function arpSender(bytes: Uint8Array, at: number, address: Uint32Array): number {
  address[3] = readU32(bytes, at + SENDER_ADDRESS)
  return readU48(bytes, at + SENDER_MAC)
}

/** Of the number that arpSender gives. */
export function arpSenderText(bytes: Uint8Array, at: number): string {
  return macText(bytes, at + SENDER_MAC)
}

/** The message at `at`, which decodeFrame has found to be whole (packet.arpOffset). */
export function readArp(bytes: Uint8Array, at: number): ArpMessage {
  return {
    op: readU16(bytes, at + 6),
    senderMac: macText(bytes, at + SENDER_MAC),
    senderAddress: mapped(bytes, at + SENDER_ADDRESS),
    targetMac: macText(bytes, at + 18),
    targetAddress: mapped(bytes, at + 24),
  }
}

/** `02:00:00:00:00:0a`. */
export function macText(bytes: Uint8Array, at: number): string {
  let text = ''
  for (let i = 0; i < 6; i++)
    text += (i > 0 ? ':' : '') + ((bytes[at + i] ?? 0) + 256).toString(16).slice(1)
  return text
}

function mapped(bytes: Uint8Array, at: number): Uint32Array {
  return Uint32Array.of(0, 0, V4_WORD, readU32(bytes, at))
}
