/** The shard workers of this box, as one thing: start, tell, hear, stop. */
import { Worker } from 'node:worker_threads'
import type { Config } from './base/config.ts'
import { Failure } from './base/failure.ts'
import { CaptureCounters, type CaptureTotals } from './capture/counters.ts'
import { rxPackets } from './capture/interface.ts'
import { LINE } from './control/networks.ts'
import type { Inspection } from './inspection.ts'
import type { FromShard, PacketOutlet, ShardOptions, ToShard } from './shard-messages.ts'

export interface ShardsOptions {
  config: Config['capture']
  /** Ports that are one wire here. */
  line?: readonly string[] | undefined
  home: string[]
  ruleFiles: string[]
  inspection: Inspection
  selfTestSecret: string
  /** Where the frames of a shard are kept. */
  packets?: ((name: string, shard: number) => PacketOutlet | undefined) | undefined
}

export interface ShardEvents {
  message(message: FromShard): void
  /** A worker is gone that should not be: the process must end and be started anew. */
  died(reason: string): void
}

/** 16 bits. Another for each interface: the kernel refuses one of two (up to 16 interfaces). */
export function fanoutGroup(pid: number, index: number): number {
  return ((pid << 4) | (index & 15)) & 0xffff
}

interface Port {
  name: string
  counters: CaptureCounters
  workers: Worker[]
}

export class Shards {
  readonly #ports: Port[] = []
  #stopping = false

  /** Resolves when every ring is open: from then on each frame counts. */
  static async start(options: ShardsOptions, events: ShardEvents): Promise<Shards> {
    const shards = new Shards()
    const ready: Promise<void>[] = []
    const { interfaces, shards: perInterface, ringMiB } = options.config
    for (const [i, name] of interfaces.entries()) {
      const counters = new CaptureCounters(perInterface)
      const port: Port = { name, counters, workers: [] }
      shards.#ports.push(port)
      for (let shard = 0; shard < perInterface; shard++) {
        const packets = options.packets?.(name, shard)
        const data: ShardOptions = {
          interface: name,
          members: name === LINE ? (options.line ?? []) : [],
          shard,
          run: process.pid & 0x7fff,
          counters: counters.buffer,
          ringMiB,
          fanoutGroup: fanoutGroup(process.pid, i),
          home: options.home,
          ruleFiles: options.ruleFiles,
          inspection: options.inspection,
          selfTestSecret: options.selfTestSecret,
          ...(packets && { packets }),
        }
        const worker = new Worker(new URL('./shard.ts', import.meta.url), {
          workerData: data,
          transferList: packets ? [packets.port] : [],
        })
        port.workers.push(worker)
        ready.push(shards.#attend(worker, name, events))
      }
    }
    await Promise.all(ready)
    return shards
  }

  tell(message: ToShard): void {
    for (const { workers } of this.#ports) for (const worker of workers) worker.postMessage(message)
  }

  /** The self-test goes through one shard: it proves the path, not the number of workers. */
  selfTest(): boolean {
    const worker = this.#ports[0]?.workers[0]
    worker?.postMessage({ do: 'self-test' } satisfies ToShard)
    return worker !== undefined
  }

  /** `<interface>/<shard>` of every worker. */
  get names(): string[] {
    return this.#ports.flatMap(({ name, workers }) => workers.map((_, shard) => `${name}/${shard}`))
  }

  /** Each interface's own counter where this run's begins. */
  began(): Record<string, number> {
    return Object.fromEntries(
      this.#ports.map(({ name, counters }) => [name, counters.rxStart ?? rxPackets(name)]),
    )
  }

  totals(): { name: string; totals: CaptureTotals }[] {
    return this.#ports.map(({ name, counters }) => ({
      name,
      totals: counters.totals(rxPackets(name)),
    }))
  }

  /** Stops the rings, drains them, waits for the last batch. Afterwards processed + dropped = frames. */
  async stop(): Promise<void> {
    this.#stopping = true
    const workers = this.#ports.flatMap((port) => port.workers)
    const gone = workers.map((worker) => new Promise((done) => worker.once('exit', done)))
    this.tell({ do: 'stop' })
    await Promise.all(gone)
  }

  #attend(worker: Worker, name: string, events: ShardEvents): Promise<void> {
    return new Promise((done, fail) => {
      worker.on('message', (message: FromShard) => {
        if (message.did === 'ready') done()
        if (message.did === 'failed') {
          fail(new Failure('unavailable', `${name} cannot be captured: ${message.message}`))
          events.died(message.message)
        }
        events.message(message)
      })
      worker.on('error', (error: Error) => {
        fail(error)
        events.died(String(error.stack ?? error))
      })
      worker.on('exit', () => {
        if (!this.#stopping) events.died('a shard ended by itself')
      })
    })
  }
}
