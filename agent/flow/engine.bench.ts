/** Decode, then flow: connections, streams in order, checksums. Nothing listens. A round is 64,000 packets. */
import { test } from 'vitest'
import { mixInMemory } from '../../test/traffic/mix/in-memory.ts'
import { FlowEngine } from './engine.ts'
import { FramePath } from './frame-path.ts'
import type { FlowListener } from './listener.ts'

/** Talks that are open then come to their end. */
const PACKETS = 20_000
const nobody: FlowListener = {
  packet: () => {},
  stream: () => {},
  gap: () => {},
  established: () => {},
  refused: () => {},
  ended: () => {},
  fault: () => {},
}

test('flow', async ({ bench }) => {
  const [mix, small] = [await mixInMemory('mix', PACKETS), await mixInMemory('small', PACKETS)]
  const run = ({ batches }: typeof mix, verifyChecksums: boolean) => {
    const path = new FramePath(new FlowEngine({ verifyChecksums }, nobody))
    for (const batch of batches) path.run(batch)
  }
  await bench.compare(
    bench('mix', () => run(mix, false)),
    bench('mix, checksums verified', () => run(mix, true)),
    bench('64 to 128 bytes', () => run(small, false)),
  )
})
