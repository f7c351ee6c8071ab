/**
 * Who must never be blocked, asked anew at each decision and again at enforcement: this box, its gateways and
 * resolvers, what is no single host, the OT controllers it has seen, and what its owner listed. The fixed
 * part cannot be configured away. If it cannot be read, nothing is blocked.
 */
import { addressText, inPrefix, type Prefix, parseAddress, parsePrefix } from '../base/address.ts'
import type { OwnAddress } from './rtnetlink.ts'

export interface Protected {
  prefix: string
  /** The rest of a sentence that begins with the address: "is the default gateway". */
  because: string
}

interface Entry extends Prefix {
  because: string
}

export interface NeverBlockSources {
  /** Throws when the kernel cannot be asked. */
  own: () => readonly OwnAddress[]
  /** Texts of resolv.conf files. */
  resolverFiles: () => readonly string[]
  configured: readonly string[]
  controllers: (tenant_uid: string | undefined) => readonly string[]
}

const FIXED: readonly Entry[] = (
  [
    ['0.0.0.0/8', 'means no host (RFC 1122)'],
    ['127.0.0.0/8', 'is loopback'],
    ['169.254.0.0/16', 'is link-local'],
    ['224.0.0.0/4', 'is multicast'],
    ['240.0.0.0/4', 'is reserved or broadcast'],
    ['::/96', 'is loopback or no host'],
    ['fe80::/10', 'is link-local'],
    ['ff00::/8', 'is multicast'],
  ] as const
).map(([text, because]) => ({ ...parsePrefix(text), because }))

export class NeverBlock {
  readonly #sources: NeverBlockSources
  readonly #configured: readonly Entry[]

  /** Throws a Failure that names a configured prefix it cannot read. */
  constructor(sources: NeverBlockSources) {
    this.#sources = sources
    this.#configured = sources.configured.map((text) => ({
      ...parsePrefix(text),
      because: 'is on the never-block list of this site',
    }))
  }

  /** Why `wanted` must not be blocked, as a sentence, or nothing. A prefix is refused for what it contains. */
  why(wanted: Prefix, tenant_uid: string): string | undefined {
    const text = prefixText(wanted)
    for (const entry of this.#entries(tenant_uid)) {
      const bits = Math.min(entry.bits, wanted.bits)
      if (!inPrefix(wanted.words, 0, { words: entry.words, bits })) continue
      return wanted.bits < entry.bits
        ? `${text} contains ${prefixText(entry)}, which ${entry.because}.`
        : `${text} ${entry.because}.`
    }
    return undefined
  }

  /** For people: the whole list as it is now. */
  list(tenant_uid?: string): Protected[] {
    const seen = new Map<string, Protected>()
    for (const entry of this.#entries(tenant_uid)) {
      const prefix = prefixText(entry)
      if (!seen.has(prefix)) seen.set(prefix, { prefix, because: entry.because })
    }
    return [...seen.values()]
  }

  /** The most telling reason first: a gateway is also inside a home network. */
  #entries(tenant_uid: string | undefined): Entry[] {
    return [
      ...this.#sources.own().map(ownEntry),
      ...this.#sources
        .resolverFiles()
        .flatMap(resolvers)
        .map((text) => hostEntry(text, 'is a resolver of this box')),
      ...this.#sources
        .controllers(tenant_uid)
        .map((text) => hostEntry(text, 'is a controller: blocking it could stop a plant')),
      ...this.#configured,
      ...FIXED,
    ].filter((entry) => entry !== undefined)
  }
}

function ownEntry({ bytes, bits, because }: OwnAddress): Entry {
  const six = bytes.length === 16
  const view = Buffer.from(bytes)
  const words = six
    ? Uint32Array.from([0, 4, 8, 12], (at) => view.readUInt32BE(at))
    : Uint32Array.of(0, 0, 0xffff, view.readUInt32BE(0))
  return { words, bits: six ? bits : 96 + bits, because }
}

function hostEntry(text: string, because: string): Entry | undefined {
  const words = parseAddress(text)
  return words && { words, bits: 128, because }
}

/** resolv.conf(5): `nameserver ADDRESS`, an IPv6 one perhaps with a zone. */
function resolvers(file: string): string[] {
  return [...file.matchAll(/^\s*nameserver\s+([0-9a-fA-F:.]+)/gm)].map(([, text]) => text as string)
}

function prefixText({ words, bits }: Prefix): string {
  const text = addressText(words)
  if (bits === 128) return text
  return text.includes(':') ? `${text}/${bits}` : `${text}/${bits - 96}`
}
