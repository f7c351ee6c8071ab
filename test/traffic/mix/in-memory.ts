/** The first packets of a mix as batches that stay: for benches that leave reading the file out. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFile } from '../../../agent/capture/file.ts'
import { FrameBatch } from '../../../agent/capture/source.ts'
import { type MixOptions, makeCapture } from './mix.ts'

export interface InMemory {
  batches: FrameBatch[]
  packets: number
}

export async function mixInMemory(kind: MixOptions['kind'], packets: number): Promise<InMemory> {
  const folder = mkdtempSync(join(tmpdir(), 'picket-mix-'))
  try {
    const path = join(folder, 'mix.pcap')
    makeCapture({ path, kind, seed: 1, packets, rules: [] })
    const batches: FrameBatch[] = []
    for await (const batch of openFile(path)) batches.push(copyOf(batch))
    return { batches, packets: batches.reduce((sum, { count }) => sum + count, 0) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function copyOf(batch: FrameBatch): FrameBatch {
  const { count } = batch
  const copy = new FrameBatch(count)
  copy.bytes = new Uint8Array(batch.bytes)
  copy.linkType = batch.linkType
  copy.count = count
  for (const column of ['start', 'captured', 'wire', 'timeUs', 'vlan'] as const)
    copy[column].set(batch[column].subarray(0, count))
  return copy
}
