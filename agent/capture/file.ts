/** Captures from files: pcap and pcapng, plain or gzip, or standard input for `-`. */
import { Failure } from '../base/failure.ts'
import type { CaptureSource, FrameBatch } from './source.ts'

/** The frames of `path`. Iterating throws one Failure('invalid') when the file is no whole capture. */
export function openFile(path: string): CaptureSource {
  return {
    name: path,
    stop: () => undefined,
    // biome-ignore lint/correctness/useYield: shell
    [Symbol.asyncIterator]: async function* (): AsyncGenerator<FrameBatch> {
      throw new Failure('unavailable', 'Files are not read yet.')
    },
  }
}
