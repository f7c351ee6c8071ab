/** V8's helper threads, which compile, mark and sweep: they get their turn, and take the processor from no shard that looks at frames. */
import { readdirSync, readFileSync } from 'node:fs'
import koffi from 'koffi'

const TASKS = '/proc/self/task'
const NAME = 'node-V8Worker'
/** sched(7): one that wakes does not preempt one that runs. Anyone may ask for it. */
const SCHED_BATCH = 3

/**
 * A collection wakes every helper. Where no processor is idle, each took the shard's own for 3 ms and more, in the middle of the pause: two
 * thirds of a pause of 10 ms were that. Returns how many threads wait their turn now: none where the system refuses, and then nothing is changed.
 */
export function v8ThreadsWait(): number {
  const setscheduler = koffi
    .load('libc.so.6')
    .func('int sched_setscheduler(int pid, int policy, const int *parameters)')
  const priority = new Int32Array(1)
  return readdirSync(TASKS).filter(
    (thread) =>
      nameOf(thread) === NAME && setscheduler(Number(thread), SCHED_BATCH, priority) === 0,
  ).length
}

function nameOf(thread: string): string {
  try {
    return readFileSync(`${TASKS}/${thread}/comm`, 'utf8').trim()
  } catch {
    return '' // it has ended
  }
}
