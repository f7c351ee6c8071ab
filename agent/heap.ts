/** How V8 collects garbage in processes that look at packets: a pause there is frames that wait. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * A shard's tables lie outside the heap (120 MB), and V8 begins a whole collection whenever some tens of MB more are in use there, as bodies
 * that are unpacked are. Counted together with the heap, from a size that a shard has anyway, that is once in some hundred
 * thousand packets instead of once in thirty thousand. Of what is young, V8 would collect 32 MB at a time on a machine like this: half of it takes no more
 * processor time, and 30 to 90 MB less memory.
 */
const FLAGS = [
  '--external-memory-accounted-in-global-limit',
  '--initial-heap-size=128',
  '--max-semi-space-size=16',
]

/** For worker threads that are begun after it; of the thread itself only the first has an effect. */
export function fewerCollections(): void {
  for (const flag of FLAGS) setFlagsFromString(flag)
}

/** A whole collection now, in this thread: before a shard hears its wire no frame waits for it. */
export function collectNow(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  setFlagsFromString('--no-expose-gc')
  collect()
}
