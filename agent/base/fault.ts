/**
 * Why bytes could not be decoded. The word is also what the lake, the counters and the UI show, so
 * it is one an operator can search for. Decoders return a word of this list; they never throw.
 */
export const FAULTS = [
  'truncated',
  'bad-length',
  'bad-version',
  'bad-checksum',
  'bad-offset',
  'bad-label',
  'bad-pointer',
  'name-too-long',
  'too-many-records',
  'too-many-layers',
  'unknown-link-type',
  'fragment-overlap',
  'fragment-timeout',
  'fragment-too-big',
  'fragments-full',
  'stream-overlap',
  'stream-gap',
  'stream-full',
  'bad-request-line',
  'bad-status-line',
  'bad-header',
  'bad-chunk',
  'headers-too-long',
  'line-too-long',
  'body-too-long',
  'transactions-full',
  'bad-record',
  'bad-handshake',
  'bad-banner',
  'bad-protocol-id',
  'bad-function',
  'bad-compression',
  'ambiguous-length',
  'protocols-full',
] as const

export type Fault = (typeof FAULTS)[number]
