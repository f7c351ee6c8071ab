/** 4096 observations from a shard to where a baseline takes them: written, handed over as a message is, read. */
import { test } from 'vitest'
import type { Observation } from './observation.ts'
import { OBSERVATIONS_MAX, ObservationBatch, type Observations } from './observation-batch.ts'
import { readObservations } from './observation-reader.ts'

const FLOWS = 1024

test('observations', async ({ bench }) => {
  const address = () => Uint32Array.from({ length: FLOWS * 4 }, (_, i) => [0, 0, 0xffff, 0x0a00_0000 + i][i & 3] as number) // biome-ignore format: one line
  const ends = {
    client: address(),
    server: address(),
    serverPort: new Uint16Array(FLOWS).fill(443),
    protocol: new Uint8Array(FLOWS).fill(6),
  }
  const closed = { timeUs: 1.7e15, bytes: 1e6, packets: 900, durationMs: 1234.5, established: true, app_proto: 'tls' } as const // biome-ignore format: one line
  const batch = new ObservationBatch(() => {})
  const write = () => {
    batch.clear()
    for (let i = 0; i < OBSERVATIONS_MAX / 4; i++) {
      batch.flowNew(ends, i, 1.7e15 + i, true)
      batch.flowEstablished(ends, i, 1.7e15 + i)
      batch.dnsQuery(ends, i, 1.7e15 + i, 'www.example.com')
      batch.flowClosed(ends, i, closed)
    }
  }
  const send = (): Observations => {
    const taken = batch.take()
    return structuredClone(taken, { transfer: [taken.words.buffer] })
  }
  const seen: Observation[] = []
  const read = (all: Observations) => {
    seen.length = 0
    readObservations(all, (one) => void seen.push(one))
  }
  await bench.compare(
    bench('written', write),
    bench('written, handed over', () => {
      write()
      send()
    }),
    bench('written, handed over, read', () => {
      write()
      read(send())
    }),
    { iterations: 100, warmupIterations: 20 },
  )
})
