/** Rules over one stream: 200 segments of 1,448 bytes, without capture, decode and flow. */
import { test } from 'vitest'
import { Chance } from '../../../test/traffic/chance.ts'
import { Bodies } from '../../../test/traffic/mix/bodies.ts'
import { SignatureLab } from '../../../test/traffic/signature-lab.ts'

const SEGMENTS = 200
const SEGMENT_BYTES = 1448
const HIT_EACH = 20

/** A literal, a second one behind it, and an expression: as rules of web traffic are. */
function rules(count: number, chance: Chance): { text: string; first: string[] } {
  const first = Array.from({ length: count }, () => chance.word(chance.int(6, 20)))
  const text = first.map(
    (word, i) =>
      `alert tcp any any -> any any (msg:"r"; flow:established,to_client; content:"${word}"; content:"${chance.word(4)}"; distance:0; within:80; pcre:"/[0-9a-f]{${(i % 7) + 2}}/R"; sid:${i + 1}; rev:1;)`,
  )
  return { text: text.join('\n'), first }
}

for (const count of [0, 1000, 10_000])
  test(`${count} rules, 290 kB`, async ({ bench }) => {
    const chance = new Chance(1)
    const { text, first } = rules(count, chance)
    const bodies = new Bodies(chance.branch())
    const parts = (of: 'page' | 'picture') =>
      Array.from({ length: SEGMENTS }, (_, i) => {
        const bytes = bodies[of](SEGMENT_BYTES)
        if (count > 0 && i % HIT_EACH === 0) bytes.write(chance.pick(first), 100, 'latin1')
        return ['<', bytes] as const
      })
    const over = (of: 'page' | 'picture') => {
      const lab = new SignatureLab(text)
      if (lab.refused.length > 0) throw new Error(JSON.stringify(lab.refused[0]))
      const segments = parts(of)
      return () => void lab.segments(segments)
    }
    await bench.compare(bench('pages', over('page')), bench('pictures', over('picture')))
  })
