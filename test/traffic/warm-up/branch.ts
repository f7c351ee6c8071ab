/** A branch's ordinary talks, few of them long, some at once: what most packets of a wire are. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Chance } from '../chance.ts'
import { Bodies } from '../mix/bodies.ts'
import { dns, plant, smb, ssh } from '../mix/branch-talks.ts'
import { CaptureFile } from '../mix/capture-file.ts'
import { packetsOf, type Send } from '../mix/packets-of.ts'
import { Places } from '../mix/places.ts'
import { smallTalk } from '../mix/small-talks.ts'
import type { Talk } from '../mix/talk.ts'
import { http, type Scene, tls } from '../mix/web-talks.ts'

const AT_ONCE = 12
const STEP_US = 60
const BURST_MAX = 6
const TURNS_MAX = 24
/** Most talks are shorter; one in ten may be as long as the second. */
const BYTES_USUAL = 12_000
const BYTES_MAX = 60_000
const LONG = 0.1
const KINDS = [dns, http, tls, http, smallTalk, plant, smb, ssh, dns]

/** A pcap file. */
export function branchCapture(seed: number, talks: number, startUs: number): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'picket-warm-up-'))
  try {
    const path = join(folder, 'branch.pcap')
    write(new CaptureFile(path), seed, talks, startUs)
    return readFileSync(path)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function write(file: CaptureFile, seed: number, talks: number, startUs: number): void {
  const chance = new Chance(seed)
  const bodies = new Bodies(chance.branch())
  const scene: Scene = { chance, bodies, places: new Places(chance.branch(), bodies) }
  let begun = 0
  const begin = (): Generator<Send> => {
    const talk = shortTalk(scene, KINDS[begun++ % KINDS.length] as (typeof KINDS)[number])
    return packetsOf(talk, scene.places.portFrom(talk.client, talk.server, talk.port), chance)
  }
  const open = Array.from({ length: AT_ONCE }, begin)
  let timeUs = startUs
  while (open.length > 0) {
    const at = chance.int(0, open.length - 1)
    for (let burst = chance.int(1, BURST_MAX); burst > 0; burst--) {
      const step = (open[at] as Generator<Send>).next()
      if (!step.done) {
        timeUs += STEP_US
        step.value(file, timeUs)
        continue
      }
      if (begun < talks) open[at] = begin()
      else open.splice(at, 1)
      break
    }
  }
  file.close()
}

function shortTalk(scene: Scene, kind: (scene: Scene) => Talk): Talk {
  for (;;) {
    const talk = kind(scene)
    const said = talk.said.slice(0, TURNS_MAX)
    const bytes = said.reduce((sum, { data }) => sum + data.length, 0)
    if (bytes < BYTES_USUAL || (bytes < BYTES_MAX && scene.chance.next() < LONG))
      return { ...talk, said }
  }
}
