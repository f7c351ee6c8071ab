/** The other end of observation-batch.ts: what a baseline takes, made where one takes it. */
import { addressText } from '../../base/address.ts'
import type { Observation } from './observation.ts'
import {
  AT,
  FLAG,
  KINDS,
  ObservationBatch,
  type Observations,
  PROTOS,
} from './observation-batch.ts'

/** Where no thread lies between: each is given on when it is made. */
export function givenOn(take: (seen: Observation) => void): ObservationBatch {
  return new ObservationBatch((batch) => {
    readObservations(batch, take)
    batch.clear()
  }, 1)
}

/** In the order in which they were made. */
export function readObservations(all: Observations, take: (seen: Observation) => void): void {
  const { count, words, numbers, texts } = all
  let text = 0
  for (let i = 0; i < count; i++) {
    const at = i * AT.words
    const number = i * AT.numbers
    const head = words[at + AT.head] as number
    const more = words[at + AT.more] as number
    const so = (head & FLAG.so) !== 0
    const turned = (head & FLAG.turned) !== 0
    const src = addressText(words, at + (turned ? AT.server : AT.client))
    const dest = addressText(words, at + (turned ? AT.client : AT.server))
    const port = head >>> 16
    const proto = (head & FLAG.udp) !== 0 ? 'UDP' : 'TCP'
    const timeUs = numbers[number + AT.timeUs] as number
    const what = KINDS[head & 255]
    switch (what) {
      case 'flow-new':
        take({ what, src, dest, port, proto, timeUs, syn: so })
        break
      case 'flow-established':
      case 'flow-refused':
        take({ what, src, dest, port, proto: 'TCP', timeUs })
        break
      case 'flow-closed':
        take({
          ...{ what, src, dest, port, proto, timeUs, established: so },
          bytes: numbers[number + AT.bytes] as number,
          packets: numbers[number + AT.packets] as number,
          durationMs: numbers[number + AT.durationMs] as number,
          app_proto: PROTOS[more] ?? 'unknown',
        })
        break
      case 'ssh-attempt':
        take({ what, client: src, server: dest, port, timeUs })
        break
      case 'modbus-write':
        take({ what, station: src, dest, port, timeUs, function: more & 255, unit: more >>> 8 })
        break
      case 'ot-write': {
        const protocol = texts[text++] ?? ''
        const operation = texts[text++] ?? ''
        const attackIds = texts.slice(text, text + more)
        text += more
        take({ what, station: src, dest, port, proto, timeUs, protocol, operation, attackIds })
        break
      }
      case 'dns-query':
        take({ what, client: src, server: dest, name: texts[text++] ?? '', timeUs })
    }
  }
}
