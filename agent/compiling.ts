/**
 * When V8 compiles, in processes that look at packets. It does so on threads of its own, whose time is the packets' where all cores are
 * busy, and TurboFan needs ten times what Maglev does. These are flags of the process, not of a thread: shards
 * are warmed at once, and of two the first that is done ends it for both.
 */
import { setFlagsFromString } from 'node:v8'

/** How often a function is called until TurboFan takes it; V8's own number is meant for a page that lives for seconds. */
const SOON = 120
const SELDOM = 30_000

function set(turbofan: boolean, calls: number): void {
  // Code that Maglev makes while there is no TurboFan counts its calls all the same.
  setFlagsFromString('--force-emit-interrupt-budget-checks')
  setFlagsFromString(`--invocation-count-for-turbofan=${calls}`)
  setFlagsFromString(turbofan ? '--turbofan' : '--no-turbofan')
}

/** While nothing waits: what will be hot is compiled. */
export function compileSoon(): void {
  set(true, SOON)
}

/** The cheap compiler alone, for some thousand packets: a function that has been called nearly often enough begins to count anew. */
export function compileLittle(): void {
  set(false, SELDOM)
}

/** From then on. May be said again and again: another shard may have begun since. */
export function compileSeldom(): void {
  set(true, SELDOM)
}
