/** A talk of two ends through the application layer alone: what was said of it, and its faults. */
import type { Transaction } from '../../agent/decode/records.ts'
import { isIt } from '../../agent/decode/records-it.ts'
import { AppLayer } from '../../agent/flow/app-layer.ts'

export interface Turn {
  toServer: boolean
  bytes: Buffer
}

export interface Talk {
  port: number
  turns: Turn[]
}

/** `>` and `<` before the text say who speaks. */
export function textTalk(port: number, ...lines: string[]): Talk {
  const turns = lines.map((line) => ({
    toServer: line[0] === '>',
    bytes: Buffer.from(line.slice(1), 'latin1'),
  }))
  return { port, turns }
}

export interface Heard {
  proto: string
  said: Transaction[]
  faults: string[]
  /** By rules' names, in order. */
  events: string[]
}

/** Each turn in segments of `size` bytes. */
export function heard({ port, turns }: Talk, size = 1e6): Heard {
  const said: Transaction[] = []
  const faults: string[] = []
  const events: string[] = []
  const app = new AppLayer(
    { flowsMax: 1, serverPort: Uint16Array.of(port) },
    {
      transaction: (_, tx) => {
        if (!isIt(tx) || tx.stage === 'done') said.push(structuredClone(tx))
      },
      recognised: () => {},
      appFault: (_, fault) => void faults.push(fault),
      appEvent: (_, event) => void events.push(event),
    },
  )
  for (const { toServer, bytes } of turns)
    for (let at = 0; at < bytes.length; at += size) {
      // Views must not outlive the call.
      const frame = Buffer.from(bytes.subarray(at, at + size))
      app.stream(0, toServer, frame, 0, frame.length)
      frame.fill(0xee)
    }
  const proto = app.appProto(0)
  app.ended(0)
  if (app.held !== 0 || app.states !== 0) throw new Error(`${app.held} bytes stayed`)
  return { proto, said, faults, events }
}
