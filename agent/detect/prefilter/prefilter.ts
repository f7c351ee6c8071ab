/**
 * Finds which of many byte patterns occur in a buffer: the first question put to every byte, so that
 * rules are only looked at when their rarest literal is there. Implementations pass one conformance test.
 */

/** Where the rules that were found are put: each once, until `clear`. Made once, used for every buffer. */
export class Candidates {
  /** Rule numbers, in the order found; `count` of them are valid. */
  readonly list: Uint32Array
  count = 0
  readonly #seen: Uint32Array
  #round = 1

  constructor(rules: number) {
    this.list = new Uint32Array(rules)
    this.#seen = new Uint32Array(rules)
  }

  add(rule: number): void {
    if (this.#seen[rule] === this.#round) return
    this.#seen[rule] = this.#round
    this.list[this.count++] = rule
  }

  clear(): void {
    this.count = 0
    if (++this.#round < 0xffff_ffff) return
    this.#seen.fill(0)
    this.#round = 1
  }
}

export interface Prefilter {
  /** Before `build`. `nocase`: ASCII letters match in either case. A pattern has at least one byte. */
  add(pattern: Uint8Array, nocase: boolean, rule: number): void
  build(): void
  /** The same in small parts, for who has packets to look at meanwhile. */
  parts(): Generator<void>
  /** Bytes of the longest pattern; what a caller must keep of a stream is one less. */
  readonly longest: number
  readonly patterns: number
  /**
   * Puts into `found` the rule of each pattern that lies in [start, end) of `bytes` and ends after
   * `fresh`, the place from which bytes are new to the caller.
   */
  scan(bytes: Uint8Array, start: number, end: number, found: Candidates, fresh: number): void
}
