/**
 * What is usual here, and what is not: four baselines over small observations of all shards, in packet time. State
 * is bounded and counted; what takes days to learn survives a restart by `snapshot`.
 */
import { BruteForceBaseline } from './brute-force.ts'
import { DnsTunnelBaseline } from './dns-tunnel.ts'
import type { BaselineFinding } from './finding.ts'
import type { Observation } from './observation.ts'
import { type OtModel, OtWriteBaseline } from './ot-writes.ts'
import { ScanBaseline } from './scan.ts'

const VERSION = 1

/** What survives a restart: the OT model and what was already said. Windows of minutes start anew. */
export interface BaselineSnapshot {
  version: typeof VERSION
  otWrites: OtModel
  said: {
    scan: OtModel['fold']
    bruteForce: OtModel['fold']
    dnsTunnel: OtModel['fold']
  }
}

export class Baselines {
  readonly #scan = new ScanBaseline()
  readonly #bruteForce = new BruteForceBaseline()
  readonly #otWrites = new OtWriteBaseline()
  readonly #dnsTunnel = new DnsTunnelBaseline()

  /** Takes in one observation; usually nothing follows. */
  observe(seen: Observation): readonly BaselineFinding[] {
    const found: BaselineFinding[] = []
    this.#scan.observe(seen, found)
    this.#bruteForce.observe(seen, found)
    this.#otWrites.observe(seen, found)
    this.#dnsTunnel.observe(seen, found)
    return found
  }

  /** What follows from time alone, about once a second of packet time. */
  tick(timeUs: number): readonly BaselineFinding[] {
    const found: BaselineFinding[] = []
    this.#scan.tick(timeUs, found)
    return found
  }

  /** What was forgotten at a bound, by baseline. */
  counters(): Record<string, number> {
    return {
      scanEvicted: this.#scan.evicted,
      bruteForceEvicted: this.#bruteForce.evicted,
      otWritesEvicted: this.#otWrites.evicted,
      otWritesDropped: this.#otWrites.dropped,
      dnsTunnelEvicted: this.#dnsTunnel.evicted,
    }
  }

  /** Plain JSON. */
  snapshot(): BaselineSnapshot {
    return {
      version: VERSION,
      otWrites: this.#otWrites.snapshot(),
      said: {
        scan: this.#scan.fold.snapshot(),
        bruteForce: this.#bruteForce.fold.snapshot(),
        dnsTunnel: this.#dnsTunnel.fold.snapshot(),
      },
    }
  }

  /** Puts back a snapshot; one of another version is left alone, and learning starts anew. */
  restore(snapshot: BaselineSnapshot): void {
    if (snapshot.version !== VERSION) return
    this.#otWrites.restore(snapshot.otWrites)
    this.#scan.fold.restore(snapshot.said.scan)
    this.#bruteForce.fold.restore(snapshot.said.bruteForce)
    this.#dnsTunnel.fold.restore(snapshot.said.dnsTunnel)
  }
}
