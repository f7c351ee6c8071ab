/**
 * A loop without end inside a decoder also stops the test runner's own clock. This thread watches a number that rises with
 * each input; when it stands still it names the input and ends the process.
 */
import { writeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'

const HANG_MS = 20_000
const LOOK_MS = 500

const WATCH = `
const { workerData, parentPort } = require('node:worker_threads')
const { writeSync } = require('node:fs')
let [name, last, since] = ['', -1, performance.now()]
parentPort.on('message', (text) => { name = text })
setInterval(() => {
  const now = Atomics.load(workerData, 0)
  if (now !== last || now === 0) { last = now; since = performance.now(); return }
  if (performance.now() - since < ${HANG_MS}) return
  writeSync(2, 'HANG: ' + name + ' input ' + now + '\\n')
  process.kill(process.pid, 'SIGKILL')
}, ${LOOK_MS})
`

export class Watchdog {
  readonly #input = new Int32Array(new SharedArrayBuffer(4))
  readonly #worker = new Worker(WATCH, { eval: true, workerData: this.#input })

  constructor() {
    this.#worker.unref()
    this.#worker.on('error', (error) => writeSync(2, `the watchdog died: ${error}\n`))
  }

  /** Inputs of `name` follow. */
  begin(name: string): void {
    this.#worker.postMessage(name)
  }

  /** Input `number` (from 1) is in hand; 0: none. */
  input(number: number): void {
    Atomics.store(this.#input, 0, number)
  }
}
