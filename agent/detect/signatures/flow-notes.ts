/** What rules have read out of a flow for its records: captures of expressions, and entropies. Few flows ever have any. */

const FLOWS_MAX = 16_384
const NOTES_MAX = 32
const VALUE_CHARS_MAX = 256

export interface Notes {
  /** Name and value, in the order of capture. */
  flowvars: Record<string, string>[]
  entropy: Record<string, number>
}

export class FlowNotes {
  /** What was not kept, at a bound. */
  dropped = 0
  readonly #notes = new Map<number, Notes>()

  of(flow: number): Notes | undefined {
    return this.#notes.get(flow)
  }

  variable(flow: number, name: string, value: Uint8Array): void {
    const notes = this.#kept(flow)
    if (!notes) return
    const text = noteText(value)
    const known = notes.flowvars.find((each) => Object.hasOwn(each, name))
    if (known) known[name] = text
    else if (notes.flowvars.length < NOTES_MAX)
      notes.flowvars.push(Object.fromEntries([[name, text]]))
    else this.dropped++
  }

  /** The newest of a buffer stays. */
  entropy(flow: number, name: string, value: number): void {
    const notes = this.#kept(flow)
    if (!notes) return
    const known = Object.hasOwn(notes.entropy, name)
    if (!known && Object.keys(notes.entropy).length >= NOTES_MAX) this.dropped++
    else notes.entropy[name] = value
  }

  ended(flow: number): void {
    this.#notes.delete(flow)
  }

  #kept(flow: number): Notes | undefined {
    if (flow < 0) return undefined
    const known = this.#notes.get(flow)
    if (known) return known
    if (this.#notes.size >= FLOWS_MAX) {
      this.dropped++
      return undefined
    }
    const notes: Notes = { flowvars: [], entropy: {} }
    this.#notes.set(flow, notes)
    return notes
  }
}

/** Bytes of the wire as text, each a character. */
export function noteText(value: Uint8Array): string {
  return Buffer.from(value.subarray(0, VALUE_CHARS_MAX)).toString('latin1')
}
