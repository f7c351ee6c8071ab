/**
 * The one nftables adapter: libnftables by koffi, on the main thread only (its context is not thread-safe).
 * Picket has a table of its own and touches no other. Elements carry a kernel timeout: a block ends even
 * when nobody is left to end it. Each has its own counter, and is dropped in the forward hook before any
 * filter chain of others, so an established connection stops as well.
 */
import { readFileSync } from 'node:fs'
import koffi from 'koffi'
import { addressText, parseAddress } from '../base/address.ts'
import { Failure } from '../base/failure.ts'
import { type Element, SETS, type SetName } from './elements.ts'

const LIBRARY = 'libnftables.so.1'
const TABLE = 'picket'
const PRIORITY = -10 // before filter (0); conntrack (-200) has run, but nothing has accepted for good
const ELEMENTS_MAX = 16_384
const CAP_NET_ADMIN = 12n
// NFT_CTX_OUTPUT_JSON | NUMERIC_PROTO | NUMERIC_PRIO | NUMERIC_SYMBOL (nftables/libnftables.h)
const OUTPUT_FLAGS = 16 | 128 | 256 | 512
/** The kernel's own end of a block lies this far behind the guard's, so that the guard reads the last count. */
export const GRACE_MS = 2000

export type Family = 'inet' | 'bridge'

export interface Counted extends Element {
  packets: number
  bytes: number
  /** Seconds left by the kernel, counted down to whole ones. */
  expiresSeconds: number
}

export interface TimedElement extends Element {
  leftMs: number
}

/** What the guard needs of a packet filter. Each change is one transaction: all of it or nothing. */
export interface Firewall {
  /** Makes what is missing and keeps what is in force. Returns why it cannot, as a sentence. */
  prepare(): string | undefined
  change(wanted: { add?: readonly TimedElement[]; remove?: readonly Element[] }): void
  list(): Counted[]
  /** Takes the whole table away, where there is one and we may. */
  discard(): void
}

interface Library {
  run: (context: unknown, text: string) => number
  output: (context: unknown) => string | null
  error: (context: unknown) => string | null
  context: unknown
}

export class Nft implements Firewall {
  readonly #family: Family
  #library: Library | undefined

  constructor(family: Family) {
    this.#family = family
  }

  prepare(): string | undefined {
    try {
      if (!mayAdminister()) return 'the guard does not hold CAP_NET_ADMIN.'
      this.#library ??= load()
      const text = skeleton(this.#family)
      if (this.#try(text) === undefined) return undefined
      // A table of another version stands there: make it anew, the guard puts its elements back.
      const fault = this.#try(`delete table ${this.#family} ${TABLE}\n${text}`)
      return fault && `the kernel refused the table: ${fault}.`
    } catch (error) {
      if (error instanceof Failure) return error.message
      return `${LIBRARY} cannot be loaded. On Debian: apt install libnftables1.`
    }
  }

  change({ add = [], remove = [] }: Parameters<Firewall['change']>[0]): void {
    const lines = [
      ...remove.map((each) => this.#line('delete', each, '')),
      ...add.map((each) =>
        this.#line('add', each, ` timeout ${Math.ceil((each.leftMs + GRACE_MS) / 1000)}s`),
      ),
    ]
    if (lines.length === 0) return
    const fault = this.#try(lines.join('\n'))
    if (fault) throw new Failure('unavailable', `The kernel did not take the block: ${fault}.`)
  }

  list(): Counted[] {
    const fault = this.#try(`list table ${this.#family} ${TABLE}`)
    if (fault) throw new Failure('unavailable', `The kernel's table cannot be read: ${fault}.`)
    const library = this.#library as Library
    return readListing(library.output(library.context) ?? '')
  }

  discard(): void {
    try {
      if (!mayAdminister()) return
      this.#library ??= load()
      this.#try(`delete table ${this.#family} ${TABLE}`) // that it is not there is the usual answer
    } catch (error) {
      if (error instanceof Failure) throw error // else there is no library, so we made no table
    }
  }

  #line(verb: 'add' | 'delete', { set, tuple }: Element, timeout: string): string {
    return `${verb} element ${this.#family} ${TABLE} ${set} { ${tuple}${timeout} }`
  }

  /** Nothing, or the first line of what went wrong. */
  #try(text: string): string | undefined {
    const library = this.#library
    if (!library) return 'the table is not ready'
    if (library.run(library.context, text) === 0) return undefined
    const said = library.error(library.context) ?? ''
    return said.split('\n')[0]?.replace(/^Error: /, '') || 'no reason given'
  }
}

/** The whole table as one transaction; sets keep their elements, the chain gets its rules anew. */
function skeleton(family: Family): string {
  return [
    `add table ${family} ${TABLE}`,
    ...SETS.map(
      ({ name, type }) =>
        `add set ${family} ${TABLE} ${name} { type ${type}; flags timeout; counter; size ${ELEMENTS_MAX}; }`,
    ),
    `add chain ${family} ${TABLE} forward { type filter hook forward priority ${PRIORITY}; policy accept; }`,
    `flush chain ${family} ${TABLE} forward`,
    ...SETS.map(({ name, match }) => `add rule ${family} ${TABLE} forward ${match} @${name} drop`),
  ].join('\n')
}

function load(): Library {
  const library = koffi.load(LIBRARY)
  const context = library.func('void *nft_ctx_new(uint32_t)')(0)
  if (!context) throw new Failure('unavailable', `${LIBRARY} gives no context.`)
  library.func('int nft_ctx_buffer_output(void *)')(context)
  library.func('int nft_ctx_buffer_error(void *)')(context)
  library.func('void nft_ctx_output_set_flags(void *, unsigned int)')(context, OUTPUT_FLAGS)
  return {
    context,
    run: library.func('int nft_run_cmd_from_buffer(void *, const char *)') as Library['run'],
    output: library.func('const char *nft_ctx_get_output_buffer(void *)') as Library['output'],
    error: library.func('const char *nft_ctx_get_error_buffer(void *)') as Library['error'],
  }
}

/** Asked first, because libnftables without it writes to our standard error. */
function mayAdminister(): boolean {
  const match = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))
  return ((BigInt(`0x${match?.[1] ?? '0'}`) >> CAP_NET_ADMIN) & 1n) === 1n
}

interface ListedElement {
  val: unknown
  expires?: number
  counter?: { packets: number; bytes: number }
}

/** libnftables-json(5): a set's `elem` is a list of `{elem: {val, timeout, expires, counter}}`. */
function readListing(text: string): Counted[] {
  const names = new Set<string>(SETS.map(({ name }) => name))
  const listing = JSON.parse(text) as {
    nftables: { set?: { name: string; elem?: { elem?: ListedElement }[] } }[]
  }
  return listing.nftables.flatMap(({ set }) => {
    if (!set || !names.has(set.name)) return []
    return (set.elem ?? []).flatMap(({ elem }) =>
      elem === undefined
        ? []
        : {
            set: set.name as SetName,
            tuple: tupleOf(elem.val),
            packets: elem.counter?.packets ?? 0,
            bytes: elem.counter?.bytes ?? 0,
            expiresSeconds: elem.expires ?? 0,
          },
    )
  })
}

/** As `elementsOf` writes it: addresses in RFC 5952, which inet_ntop is not always. */
function tupleOf(value: unknown): string {
  const concat = (value as { concat?: unknown }).concat // a string has one too: a function
  const parts: unknown[] = Array.isArray(concat) ? concat : [value]
  return parts
    .map((part, i) => {
      const words = parseAddress(String(part))
      if (words) return addressText(words)
      const proto = i < parts.length - 1
      return proto && part === 6 ? 'tcp' : proto && part === 17 ? 'udp' : String(part)
    })
    .join(' . ')
}
