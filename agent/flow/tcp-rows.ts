/**
 * What is kept of a TCP connection: a row of words for each direction, the two of a flow one after the other, so that a packet
 * touches two cache lines. As columns it would be twenty, each to be looked up. Streams are numbered row * 2, + 1 for the
 * direction to the client; stream `s` begins at word `s * STREAM.WORDS`.
 */
export const STREAM = {
  WORDS: 16,
  /** The next sequence number expected; meaningful once KNOWN. Sequence numbers stand here as signed words. */
  NEXT: 0,
  /** 0: not yet, 1: NEXT is where the direction begins, 2: bytes of it were handed on. */
  KNOWN: 1,
  /** The highest acknowledgement by the receiver; meaningful once ACKED is 1. */
  ACK: 2,
  ACKED: 3,
  /** The widest window the receiver has opened; 0 while unseen. */
  WINDOW: 4,
  /** The first and last chunk that wait for a hole before them (-1: none), and how many do. */
  HEAD: 5,
  TAIL: 6,
  CHUNKS: 7,
  /** Segments outside the window in a row. */
  STRIKES: 8,
  /** The window scale that the sender announced, its FIN and where that stands. */
  SCALE: 9,
  FIN: 10,
  FIN_SEQ: 11,
  /** The sequence number after its SYN. */
  FIRST: 12,
  /** Where the sender went on after its own reset. */
  RESET_AT: 13,
} as const

/** Of the whole connection, from the first word of its first stream: in what its two rows leave free. */
export const CONNECTION = {
  WORDS: 2 * STREAM.WORDS,
  STATE: 14,
  CLOSING: 15,
  /** Whose reset was believed: 0 none, 1 client, 2 server. */
  RESET_BY: 30,
  /** Who went on after its own reset (1 client, 2 server), and whether the other has said no to that with a reset of its own (4 more). */
  WENT_ON: 31,
} as const

export function tcpRows(flowsMax: number): Int32Array {
  return new Int32Array(flowsMax * CONNECTION.WORDS)
}
