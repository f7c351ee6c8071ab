/** Run as `unshare -rm`: a small disk of its own that somebody else fills under a packet ring. Prints what became of it. */
import { execFileSync } from 'node:child_process'
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { udp } from './frames.ts'
import { ALL_TIME, batchOf, cutRing, openRecorder, RingKeys } from './frames-in-ring.ts'

const disk = process.argv[2] ?? ''
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', disk])
const keys = new RingKeys()
const folder = join(disk, 'ring')
const recorder = openRecorder(folder, keys, 32 << 20)
const ends = { src: '10.0.0.1', dest: '10.0.0.2', srcPort: 1, destPort: 2 }
let timeUs = 1_700_000_000_000_000
const megabytes = async (count: number) => {
  for (let i = 0; i < count; i++) {
    const frames = Array.from({ length: 750 }, () => ({ bytes: udp(ends, Buffer.alloc(1358)), timeUs: timeUs++ })) // biome-ignore format: one line
    await recorder.record('eth1', batchOf(frames))
    await new Promise((done) => setTimeout(done, 5)) // files that are being closed hold their space
  }
}
await megabytes(20)
const before = recorder.status
const { bavail, bsize } = statfsSync(disk)
writeFileSync(join(disk, 'somebody-else'), Buffer.alloc(bavail * bsize))
await megabytes(30)
const crowded = recorder.status
rmSync(join(disk, 'somebody-else'))
await new Promise((done) => setTimeout(done, 2100)) // the disk is tried again
await megabytes(10)
await recorder.close()
const { frames, ends: segmentEnds } = cutRing(folder, keys, ALL_TIME)
process.stdout.write(JSON.stringify({ before, crowded, after: recorder.status, frames, broken: segmentEnds.filter((end) => end === 'broken').length })) // biome-ignore format: one line
