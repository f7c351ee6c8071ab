/** What every capture back end gives: batches of frames in one piece of memory. */

/** Link types as in pcap files (the tcpdump.org list). */
export const LINK = {
  NULL: 0,
  ETHERNET: 1,
  PPP: 9,
  PPP_HDLC: 50,
  RAW_OPENBSD: 14,
  RAW_BSD: 12,
  RAW: 101,
  C_HDLC: 104,
  LOOP: 108,
  SLL: 113,
  IPV4: 228,
  IPV6: 229,
  SLL2: 276,
} as const

/** Frames of one batch; a ring block of 1 MiB holds fewer, since each frame has an 80-byte header there. */
export const BATCH_FRAMES_MAX = 16_384

/** What a batch keeps of each frame beside its bytes. */
export const FRAME_NUMBERS_BYTES = 28

/**
 * Frames as offsets into one memory. A source owns its batch and overwrites it: it is valid until the
 * next one is asked for, so nothing may keep `bytes` or a view of it. A live source hands on an empty
 * batch (`count` 0) when nothing came for a while, so that timers can run.
 */
export class FrameBatch {
  bytes: Uint8Array = new Uint8Array(0)
  linkType: number = LINK.ETHERNET
  count = 0
  readonly start: Int32Array
  /** Bytes that are there. */
  readonly captured: Int32Array
  /** Bytes that were on the wire: more than `captured` when a snap length cut the frame. */
  readonly wire: Int32Array
  /** Microseconds since 1970. */
  readonly timeUs: Float64Array
  /** Nanoseconds past that, where the source knows them. */
  readonly restNs: Uint16Array
  /** The outermost VLAN tag (TCI) where the kernel took it off the frame, else -1. */
  readonly vlan: Int32Array
  /** The EtherType of that tag; 0 where nobody says. */
  readonly vlanType: Uint16Array

  /** The numbers of its frames stand in `memory` from `at` (a multiple of 8) on: it may be shared. */
  constructor(
    frames: number = BATCH_FRAMES_MAX,
    memory: ArrayBufferLike = new ArrayBuffer(frames * FRAME_NUMBERS_BYTES),
    at = 0,
  ) {
    this.timeUs = new Float64Array(memory, at, frames)
    this.start = new Int32Array(memory, at + frames * 8, frames)
    this.captured = new Int32Array(memory, at + frames * 12, frames)
    this.wire = new Int32Array(memory, at + frames * 16, frames)
    this.vlan = new Int32Array(memory, at + frames * 20, frames)
    this.restNs = new Uint16Array(memory, at + frames * 24, frames)
    this.vlanType = new Uint16Array(memory, at + frames * 26, frames)
  }
}

/** A place frames come from. Iterating it is capturing; a file that is broken throws a Failure at its end. */
export interface CaptureSource extends AsyncIterable<FrameBatch> {
  /** The interface or file, as the operator named it. */
  readonly name: string
  /** Ends the iteration once what has already arrived was handed on. */
  stop(): void
}

/** What a live source found when it opened its interface. */
export interface CapturePort {
  interface: string
  linkType: number
  /** Whether segments are merged before we see them: `unchanged` where turning that off was not permitted. */
  offloads: 'off' | 'unchanged'
}
