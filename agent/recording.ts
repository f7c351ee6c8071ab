/** The packet ring as the agent's main thread sees it: one thread that writes, keys handed to it one segment at a time. */
import { MessageChannel, Worker } from 'node:worker_threads'
import type { Config } from './base/config.ts'
import type { Log } from './base/log.ts'
import type { AgentCalls, ClientOf } from './control/keys-client.ts'
import { segmentKeyOf } from './lake/segment.ts'
import { clearRing, ringFolder } from './packets/folder.ts'
import { Handover } from './packets/handover.ts'
import type { RecorderStatus } from './packets/recorder.ts'
import type { FromRecording, RecordingOptions, ToRecording } from './recording-messages.ts'
import type { PacketOutlet } from './shard-messages.ts'
import type { Tenant } from './tenancy/tenant.ts'

export interface StartRecording {
  data: string
  tenant: Tenant
  config: Config
  keys: Pick<ClientOf<AgentCalls>, 'openRing'>
  log: Log
  /** The thread is gone: the process must end and be started anew. */
  died(reason: string): void
}

export class Recording {
  readonly #worker: Worker
  readonly #outlets: Map<string, PacketOutlet>
  readonly #stopped: Promise<unknown>
  readonly #ready: Promise<unknown>
  #stopping = false
  #status: RecorderStatus = { framesKept: 0, framesLost: 0, bytes: 0, segments: 0, segmentsRetired: 0 } // biome-ignore format: one line
  /** Why the thread never began. */
  #refused: string | undefined

  private constructor(worker: Worker, outlets: Map<string, PacketOutlet>) {
    this.#worker = worker
    this.#outlets = outlets
    this.#stopped = new Promise((done) => worker.once('exit', done))
    this.#ready = new Promise((done) => worker.once('message', done))
  }

  /** Nothing where the site wants no ring: what an earlier one left is removed. */
  static async start(given: StartRecording): Promise<Recording | undefined> {
    const { data, tenant, config, log } = given
    const { tenant_uid, appliance_id } = tenant
    const folder = ringFolder(data, tenant_uid)
    if (config.ring.bytes === 0) {
      const removed = clearRing(folder)
      if (removed > 0) log.info({ segments: removed }, 'packets.off')
      return undefined
    }
    const outlets = new Map<string, PacketOutlet>()
    const inlets: RecordingOptions['inlets'] = []
    for (const name of config.capture.interfaces)
      for (let shard = 0; shard < config.capture.shards; shard++) {
        const { port1, port2 } = new MessageChannel()
        const { buffer } = new Handover()
        outlets.set(`${name}/${shard}`, { buffer, port: port1 })
        inlets.push({ name, buffer, port: port2 })
      }
    const workerData: RecordingOptions = { folder, tenant_uid, appliance_uid: appliance_id, quotaBytes: config.ring.bytes, inlets } // biome-ignore format: one line
    const worker = new Worker(new URL('./recording-thread.ts', import.meta.url), {
      workerData,
      transferList: inlets.map(({ port }) => port),
    })
    const recording = new Recording(worker, outlets)
    recording.#attend(given)
    await recording.#ready // before the first frame: a thread takes its time to begin
    return recording
  }

  outlet(name: string, shard: number): PacketOutlet | undefined {
    return this.#refused === undefined ? this.#outlets.get(`${name}/${shard}`) : undefined
  }

  /** As counters of the site. */
  get counters(): Record<string, number> {
    const { framesKept, framesLost, bytes, segments, segmentsRetired } = this.#status
    return {
      packetsKept: framesKept,
      packetsNotKept: framesLost,
      packetRingBytes: bytes,
      packetRingSegments: segments,
      packetRingSegmentsRetired: segmentsRetired,
    }
  }

  get fault(): string | undefined {
    return this.#refused ?? this.#status.fault
  }

  /** After the shards: what they handed over is written first. */
  async stop(): Promise<void> {
    if (this.#stopping || this.#refused !== undefined) return
    this.#stopping = true
    this.#tell({ do: 'stop' })
    await this.#stopped
  }

  #tell(message: ToRecording): void {
    this.#worker.postMessage(message)
  }

  #attend({ tenant, keys, log, died }: StartRecording): void {
    const { tenant_uid } = tenant
    this.#worker.on('message', (message: FromRecording) => {
      if (message.did === 'recorded') this.#status = message.status
      if (message.did === 'failed') {
        this.#refused = message.message
        log.error({ because: message.message }, 'packets.not-kept')
      }
      if (message.did !== 'key?') return
      keys.openRing({ tenant_uid }).then(
        (answer) => {
          const key = segmentKeyOf(answer)
          this.#tell({ do: 'key', key })
          key.key.fill(0) // the thread has its copy
        },
        (error: unknown) => this.#tell({ do: 'no-key', because: (error as Error).message }),
      )
    })
    this.#worker.on('error', (error: Error) => died(String(error.stack ?? error)))
    this.#worker.on('exit', () => {
      if (!this.#stopping && this.#refused === undefined) died('the recorder ended by itself')
    })
  }
}
