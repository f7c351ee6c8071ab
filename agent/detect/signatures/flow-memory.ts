/** What rules leave behind of flows: bits, notes, and what is no longer inspected or written. */

import type { AlertHit } from '../alert.ts'
import { FlowBits } from './flow-bits.ts'
import { FlowNotes, noteText } from './flow-notes.ts'
import type { Captured } from './inspect.ts'
import { Silence } from './silence.ts'

export class FlowMemory {
  readonly bits = new FlowBits()
  readonly notes = new FlowNotes()
  /** Flows that rules have let pass. */
  readonly passed = new Set<number>()
  /** Of what nothing is to be written. */
  readonly silence = new Silence()
  readonly #bypassed = new Set<number>()
  #sealed = new Uint8Array(0)
  /** Flows whose inspection a rule has ended. */
  bypassed = 0

  /** The inspection of the flow is over, and its record says so. */
  bypass(flow: number): void {
    this.passed.add(flow)
    if (!this.#bypassed.has(flow)) this.bypassed++
    this.#bypassed.add(flow)
  }

  /** Asked for every packet, and mostly there is none. */
  passes(flow: number): boolean {
    return this.passed.size > 0 && this.passed.has(flow)
  }

  /** What it carries from now on is not looked into: nobody but its ends can read it. */
  seal(flow: number): void {
    if (flow >= this.#sealed.length) {
      const grown = new Uint8Array(2 * (flow + 1))
      grown.set(this.#sealed)
      this.#sealed = grown
    }
    this.#sealed[flow] = 1
  }

  isSealed(flow: number): boolean {
    return flow >= 0 && flow < this.#sealed.length && this.#sealed[flow] === 1
  }

  bypasses(flow: number): boolean {
    return this.#bypassed.has(flow)
  }

  /** What rules have read out of a flow, and the bits they gave it, as EVE's metadata; undefined: nothing. */
  metadata(flow: number): Record<string, unknown> | undefined {
    const notes = this.notes.of(flow)
    const flowbits = this.bits.names(flow)
    if (!notes && flowbits.length === 0) return undefined
    return {
      ...(flowbits.length > 0 && { flowbits }),
      ...(notes && notes.flowvars.length > 0 && { flowvars: notes.flowvars }),
      ...(notes && Object.keys(notes.entropy).length > 0 && { entropy: notes.entropy }),
    }
  }

  /** Groups that a rule's expressions have caught go where they belong: flow, packet, alert. */
  variables(flow: number, captured: readonly Captured[]): Pick<AlertHit, 'context' | 'pktvars'> {
    const context: Record<string, string> = {}
    const pktvars: Record<string, string>[] = []
    for (const { scope, name, bytes } of captured)
      if (scope === 'flow') this.notes.variable(flow, name, bytes)
      else if (scope === 'pkt') pktvars.push(Object.fromEntries([[name, noteText(bytes)]]))
      else Object.defineProperty(context, name, { value: noteText(bytes), enumerable: true })
    return {
      ...(Object.keys(context).length > 0 && { context }),
      ...(pktvars.length > 0 && { pktvars }),
    }
  }

  ended(flow: number): void {
    this.bits.ended(flow)
    this.notes.ended(flow)
    this.passed.delete(flow)
    this.#bypassed.delete(flow)
    if (flow < this.#sealed.length) this.#sealed[flow] = 0
    this.silence.ended(flow)
  }
}
