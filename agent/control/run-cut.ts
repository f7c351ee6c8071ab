/**
 * picket-cut: finds frames in segments of one tenant's packet ring. It decodes hostile bytes, so it is a process of its
 * own: it can read one folder of ciphertext, holds the subkeys of the segments that were asked for, and ends after one answer.
 */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { introduce } from '../lake/activated-child.ts'
import { confine, hide } from '../lake/confine.ts'
import { takeDescriptors } from '../lake/descriptors.ts'
import { becomeOwnUser } from '../lake/own-user.ts'
import { readMessages, sendMessage } from '../lake/pipe.ts'
import { ShownFolders } from '../lake/shown-folders.ts'
import { FrameCut } from '../packets/cut.ts'
import { listSegments } from '../packets/folder.ts'
import type { WantedFrames } from '../packets/match.ts'
import { readSegmentChunks } from '../packets/read.ts'

const PIECE_BYTES = 1 << 20

export interface CutSegment {
  path: string
  segment_uid: string
  /** base64 of 32 bytes. */
  key: string
}

export type ToCut =
  | { type: 'confine'; folder: string; folders: string[] }
  | {
      type: 'cut'
      tenant_uid: string
      segments: CutSegment[]
      /** Segments of that time for which there is no key. */
      locked: number
      wanted: WantedFrames
      bytesMax: number
    }

export interface CutEnd {
  type: 'end'
  frames: number
  truncated: boolean
  leftOut: number
  oldestUs?: number
  /** Segments that were retired meanwhile, and such as do not verify or have no key. */
  gone: number
  broken: number
}

export type FromCut =
  | { type: 'ready' }
  | { type: 'confined'; landlock: number; seccomp: boolean }
  | { type: 'piece'; bytes: string }
  | CutEnd
  | { type: 'failed'; message: string }

becomeOwnUser()
hide()
introduce(process.stdout)
let shown = new ShownFolders()
const send = (message: FromCut) => sendMessage(process.stdout, message)
const die = () => process.kill(process.pid, 'SIGKILL')
process.stdin.on('end', die)
process.stdin.on('error', die)
process.stdout.on('error', die)
readMessages(
  process.stdin,
  (message) => {
    act(message as ToCut).catch((error: unknown) =>
      // Nothing of a frame, a key or a path is in such a word.
      send({ type: 'failed', message: (error as NodeJS.ErrnoException).code ?? 'internal' }),
    )
  },
  die,
)
send({ type: 'ready' })

async function act(message: ToCut): Promise<void> {
  if (message.type === 'confine') {
    const { folder, folders } = message
    if (folders.length > 0) shown = new ShownFolders(folders, takeDescriptors(folders.length))
    send({ type: 'confined', ...(await confine([shown.at(`${folder}/`)])) })
    return
  }
  const { tenant_uid, segments, locked, wanted, bytesMax } = message
  const cut = new FrameCut(wanted, bytesMax)
  let [gone, broken] = [0, locked]
  for (const { key, ...segment } of segments) {
    if (cut.truncated) break
    const path = pathNow(segment)
    const bytes = Buffer.from(key, 'base64')
    const end = path && readSegmentChunks(path, { tenant_uid, key: bytes }, (chunk) => cut.chunk(chunk)) // biome-ignore format: one line
    bytes.fill(0)
    if (end === undefined) gone++
    if (end === 'broken') broken++
  }
  const { pcapng, ...rest } = cut.result({ broken })
  for (let at = 0; at < pcapng.length; at += PIECE_BYTES)
    send({ type: 'piece', bytes: pcapng.toString('base64', at, at + PIECE_BYTES) })
  send({ type: 'end', ...rest, gone, broken })
}

/** A segment that was closed since has another name; one that was retired has none. */
function pathNow({ path: named, segment_uid }: Omit<CutSegment, 'key'>): string | undefined {
  const path = shown.at(named)
  if (existsSync(path)) return path
  return listSegments(dirname(path)).find((each) => each.segment_uid === segment_uid)?.path
}
