/** Captures from files: pcap and pcapng, plain or gzip; `-` is standard input. */
import { Failure } from '../base/failure.ts'
import { ByteStream } from './byte-stream.ts'
import { type FileReader, PcapReader } from './pcap.ts'
import { PcapngReader } from './pcapng.ts'
import { type CaptureSource, FrameBatch } from './source.ts'

/** Holds the largest block of a file, and leaves half of a processor's own cache (1 MiB) to what frames are looked up in. */
const WINDOW_BYTES = 524_288
const BATCH_FRAMES = 4096

/**
 * The frames of `path`. A file that is empty, foreign or broken throws one Failure('invalid') whose
 * sentence names it; what is whole before that comes first.
 */
export function openFile(path: string): CaptureSource {
  let stopped = false
  return {
    name: path,
    stop() {
      stopped = true
    },
    [Symbol.asyncIterator]: () => batches(path, () => stopped),
  }
}

async function* batches(path: string, stopped: () => boolean): AsyncGenerator<FrameBatch> {
  const stream = new ByteStream(path, WINDOW_BYTES)
  const batch = new FrameBatch(BATCH_FRAMES)
  batch.bytes = stream.bytes
  try {
    const reader = await readerOf(path, stream)
    while (!stopped()) {
      batch.count = 0
      const step = reader.read(stream, batch)
      if (batch.count > 0) yield batch
      if (step === 'full') continue
      if (step !== 'more') throw broken(path, step.wrong, reader)
      if (await stream.more()) continue
      const unfinished = reader.unfinished(stream)
      if (stream.cut !== undefined) throw broken(path, stream.cut, reader)
      if (unfinished !== undefined)
        throw broken(path, `it ends in the middle of ${unfinished}`, reader)
      return
    }
  } finally {
    await stream.close()
  }
}

async function readerOf(path: string, stream: ByteStream): Promise<FileReader> {
  while (stream.left < 4 && (await stream.more()));
  if (stream.left === 0 && stream.cut === undefined)
    throw new Failure(
      'invalid',
      `${path} is empty, so it is no capture. Record or copy it again.`,
      { file: path },
    )
  const reader = PcapReader.of(stream) ?? PcapngReader.of(stream)
  if (reader) return reader
  const why =
    stream.cut === undefined
      ? 'is neither a pcap nor a pcapng file. Give a capture as tcpdump -w or Wireshark writes it'
      : `is no capture: ${stream.cut}. Record or copy it again`
  throw new Failure('invalid', `${path} ${why}.`, { file: path })
}

function broken(path: string, what: string, reader: FileReader): Failure {
  const { frames } = reader
  const rest = 'for the rest record or copy it again'
  const before =
    frames === 0
      ? 'No frame of it could be read: record or copy it again'
      : frames === 1
        ? `The one frame before that was processed; ${rest}`
        : `The ${frames} frames before that were processed; ${rest}`
  return new Failure('invalid', `${path} is broken: ${what}. ${before}.`, { file: path, frames })
}
