/** Many talks at once, a few packets of each in turn, in a capture file. The same seed and rules make the same bytes. */
import { Chance } from '../chance.ts'
import { Bodies } from './bodies.ts'
import { dns, plant, smb, ssh } from './branch-talks.ts'
import { CaptureFile } from './capture-file.ts'
import { packetsOf, type Send } from './packets-of.ts'
import { Places } from './places.ts'
import type { RuleContents } from './rule-contents.ts'
import { ruleTalk } from './rule-talks.ts'
import { smallTalk } from './small-talks.ts'
import type { Talk } from './talk.ts'
import { http, type Scene, tls } from './web-talks.ts'

/** Changes with what is made, so that a kept capture is known for an old one. */
export const MIX_VERSION = 1
const START_US = 1_760_000_000_000_000
/** Between two packets, in the middle: about 17,000 a second. */
const STEP_US = 60
const TALKS_AT_ONCE = 500
const BURST_MAX = 6
const RULE_SHARE = 0.06

export interface MixOptions {
  path: string
  kind: 'mix' | 'small'
  seed: number
  packets: number
  rules: readonly RuleContents[]
  /** Of all talks, those in which a rule's literals occur; RULE_SHARE when absent. */
  ruleShare?: number
}

export interface MixMade {
  packets: number
  bytes: number
  talks: number
  /** Talks made from a rule. */
  ruled: number
}

export function makeCapture(options: MixOptions): MixMade {
  const { path, kind, seed, packets, rules, ruleShare = RULE_SHARE } = options
  const chance = new Chance(seed)
  const bodies = new Bodies(chance.branch())
  const scene: Scene = { chance, bodies, places: new Places(chance.branch(), bodies) }
  const file = new CaptureFile(path)
  const made = { packets: 0, bytes: 0, talks: 0, ruled: 0 }
  const next = (): Talk => {
    if (kind === 'small') return smallTalk(scene)
    if (rules.length === 0 || chance.next() >= ruleShare) return ordinary(scene)
    made.ruled++
    return ruleTalk(scene, chance.pick(rules))
  }
  const begin = (): Generator<Send> => {
    made.talks++
    const talk = next()
    return packetsOf(talk, scene.places.portFrom(talk.client, talk.server, talk.port), chance)
  }
  const open = Array.from({ length: TALKS_AT_ONCE }, begin)
  let timeUs = START_US
  while (open.length > 0) {
    const at = chance.int(0, open.length - 1)
    for (let burst = chance.int(1, BURST_MAX); burst > 0; burst--) {
      const step = (open[at] as Generator<Send>).next()
      if (!step.done) {
        timeUs += Math.ceil(-Math.log(1 - chance.next()) * STEP_US)
        step.value(file, timeUs)
        continue
      }
      if (file.frames < packets) open[at] = begin()
      else open.splice(at, 1)
      break
    }
  }
  file.close()
  return { ...made, packets: file.frames, bytes: file.bytes }
}

/** Talks as a branch has them: by count mostly names, by bytes mostly the web. */
function ordinary(scene: Scene): Talk {
  const luck = scene.chance.next()
  if (luck < 0.42) return dns(scene)
  if (luck < 0.7) return tls(scene)
  if (luck < 0.93) return http(scene)
  if (luck < 0.955) return plant(scene)
  if (luck < 0.98) return smb(scene)
  return ssh(scene)
}
