/**
 * The thread that writes the packet ring. It takes frames out of shared memory as fast as the disk lets it; the shards
 * that put them there never wait for it.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { SegmentKey } from './lake/segment.ts'
import { Handover } from './packets/handover.ts'
import { Recorder } from './packets/recorder.ts'
import type { FromRecording, RecordingOptions, ToRecording } from './recording-messages.ts'

/** So late, at most, is a frame on its way to the disk. */
const FLUSH_MS = 500
/** Batches taken in one turn of the event loop. */
const BATCHES_A_TURN = 8

const { inlets, ...options } = workerData as RecordingOptions
const port = parentPort
if (!port) throw new Error('the recorder is a worker thread')
const say = (message: FromRecording) => port.postMessage(message)

let answered: ((message: ToRecording) => void) | undefined

function askKey(): Promise<SegmentKey> {
  say({ did: 'key?' })
  return new Promise((done, fail) => {
    answered = (message) => {
      if (message.do !== 'key') return fail(new Error(message.do === 'no-key' ? message.because : 'It ends.')) // biome-ignore format: one line
      const { salt, key, ...rest } = message.key
      done({ ...rest, salt: Buffer.from(salt), key: Buffer.from(key) }) // a clone is a bare Uint8Array
    }
  })
}

function record(): void {
  const recorder = Recorder.open({ ...options, openSegment: askKey })
  const sources = inlets.map(({ name, buffer }) => ({ name, handover: new Handover(buffer) }))
  const status = () => {
    const { framesLost, ...rest } = recorder.status
    const unheard = sources.reduce((sum, { handover }) => sum + handover.lost, 0)
    say({ did: 'recorded', status: { ...rest, framesLost: framesLost + unheard } })
  }
  let working: Promise<void> | undefined
  let taken = 0
  const drain = async () => {
    for (let found = true; found; ) {
      found = false
      for (const { name, handover } of sources) {
        const batch = handover.take()
        if (!batch) continue
        found = true
        await recorder.record(name, batch)
        handover.release()
        // Or timers and files that are being closed would wait for the wire to be quiet.
        if (++taken % BATCHES_A_TURN === 0) await new Promise((done) => setImmediate(done))
      }
    }
  }
  const work = () => {
    working ??= drain().finally(() => {
      working = undefined
    })
    return working
  }
  const timer = setInterval(() => {
    void work() // whatever a message about was missed
    recorder.flush()
    status()
  }, FLUSH_MS)
  for (const inlet of inlets) inlet.port.on('message', () => void work())
  const end = async () => {
    clearInterval(timer)
    await work()
    await work() // what came in while the first was at its end
    await recorder.close()
    status()
    say({ did: 'stopped' })
    for (const inlet of inlets) inlet.port.close()
    port?.close()
  }
  port?.on('message', (message: ToRecording) => {
    if (message.do !== 'stop') answered?.(message)
    else void end()
  })
  status()
}

try {
  record()
} catch (error) {
  say({ did: 'failed', message: (error as Error).message })
}
