/** Frames into the one Packet: link, network, transport. A round of the mix is 64,000 packets: more bytes than caches hold. */
import { test } from 'vitest'
import { mixInMemory } from '../../test/traffic/mix/in-memory.ts'
import { decodeFrame } from './frame.ts'
import { Packet } from './packet.ts'

/** Talks that are open then come to their end. */
const PACKETS = 20_000

test('decode', async ({ bench }) => {
  const [mix, small] = [await mixInMemory('mix', PACKETS), await mixInMemory('small', PACKETS)]
  const packet = new Packet()
  const run = ({ batches }: typeof mix) => {
    for (const batch of batches) {
      packet.bytes = batch.bytes
      for (let i = 0; i < batch.count; i++) {
        packet.start = batch.start[i] as number
        packet.end = packet.start + (batch.captured[i] as number)
        packet.wireBytes = batch.wire[i] as number
        decodeFrame(packet, batch.linkType, batch.vlan[i] as number)
      }
    }
  }
  await bench.compare(
    bench('mix', () => run(mix)),
    bench('64 to 128 bytes', () => run(small)),
  )
})
