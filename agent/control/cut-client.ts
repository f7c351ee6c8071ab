/** The parent's end of picket-cut: started, confined, handed its subkeys, asked once, killed. */
import { Failure } from '../base/failure.ts'
import { ConfinedChild, type Cut, type Limits } from '../lake/confined-child.ts'
import type { Walls } from '../lake/walls.ts'
import type { WantedFrames } from '../packets/match.ts'
import type { CutEnd, CutSegment, FromCut, ToCut } from './run-cut.ts'

const PROGRAM = new URL('./run-cut.ts', import.meta.url)
/** Of one answer: with base64 and JSON it fits a frame of `rpc.ts`. */
export const PCAP_BYTES_MAX = 32 << 20
const LIMITS: Limits = {
  ...{ cpuMs: 120_000, wallMs: 180_000, rssBytes: 512 << 20 },
  saysBytes: PCAP_BYTES_MAX * 2,
}

export interface CutRequest {
  folder: string
  tenant_uid: string
  segments: CutSegment[]
  locked: number
  wanted: WantedFrames
  walls?: Walls | undefined
}

export interface CutAnswer extends Omit<CutEnd, 'type'> {
  /** base64. */
  pcapng: string
}

export async function cutFrames({ folder, walls, ...request }: CutRequest): Promise<CutAnswer> {
  const child = new ConfinedChild({ program: PROGRAM, walls, memoryBytes: LIMITS.rssBytes })
  const stop = child.watch(LIMITS)
  const pieces: Buffer[] = []
  const until = (type: FromCut['type'], message?: ToCut): Promise<FromCut> =>
    new Promise((done, fail) => {
      child.take((said) => {
        const answer = said as FromCut
        if (answer.type === 'piece') pieces.push(Buffer.from(answer.bytes, 'base64'))
        else if (answer.type === 'failed')
          fail(new Failure('internal', `The packet ring could not be read (${answer.message}).`)) // biome-ignore format: one line
        else if (answer.type === type) done(answer)
      })
      child.onGone((cut) => fail(gone(cut)))
      if (message) child.send(message)
    })
  try {
    await until('ready')
    await until('confined', { type: 'confine', folder, folders: await child.show([`${folder}/`]) })
    const end = await until('end', { type: 'cut', ...request, bytesMax: PCAP_BYTES_MAX })
    const { type: _, ...rest } = end as CutEnd
    return { ...rest, pcapng: Buffer.concat(pieces).toString('base64') }
  } finally {
    stop()
    child.kill('stopped')
  }
}

function gone(cut: Cut): Failure {
  const long = cut === 'cpu' || cut === 'wall' || cut === 'memory'
  return long
    ? new Failure('too-many', 'The packet ring has too much of that time: ask for a shorter one.')
    : new Failure('unavailable', 'The process that reads the packet ring ended: ask again.')
}
