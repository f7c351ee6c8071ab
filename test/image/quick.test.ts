/** One boot, one finding: the box as it leaves the factory, an attack on its wire, what its pages say of it. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exploit, RULE } from './attack.ts'
import { Box } from './box.ts'
import { built } from './built.ts'
import { Esp } from './esp.ts'

const PICTURES = join(import.meta.dirname, '../../.state/pictures')
const ATTACKER = '10.20.0.66'
const ASSET = '10.30.0.10'
const TOLD_MS_MAX = 300_000
const FIRST_PORT = 40_001
const AGAIN_MS = 10_000

interface Finding {
  event_id: string
  rule_id: string
  src_ip: string
}

const image = await built()

describe.skipIf(!image)('a box, as it leaves the factory', () => {
  let box: Box
  beforeAll(async () => {
    if (image) box = await Box.assemble(image)
  })
  afterAll(() => box?.close())

  test('boots, and its console brings somebody in who has its code and nobody else', async () => {
    const began = performance.now()
    const code = await box.firstBoot()
    process.stdout.write(`first boot to the code: ${Math.round((performance.now() - began) / 1000)} s\n`) // biome-ignore format: one line
    await box.answers()
    for (const guess of ['AAAA-AAAA-AAAA', 'picket'])
      expect((await box.pages.post('/first', { code: guess })).status, guess).toBeGreaterThan(399)
    for (const name of ['admin', 'root'])
      expect((await box.pages.login(name, name)).status, name).toBeGreaterThan(399)
    await box.claim(code)
    expect((await box.pages.post('/first', { code })).status).toBeGreaterThan(399)
  })

  test('an attack on its second port is a finding, a row of the lake, a sentence on the page and on the console', async () => {
    // Its pages may be served before its ring is open: whoever attacks does not do so only once.
    let srcPort = FIRST_PORT
    const attack = () => box.machine.second.send(exploit({ src: ATTACKER, dest: ASSET, srcPort: srcPort++ })) // biome-ignore format: one line
    let attackedAt = 0
    const finding = await box.asked('the finding is in the lake', async () => {
      if (Date.now() - attackedAt > AGAIN_MS) {
        attackedAt = Date.now()
        await attack()
      }
      const { rows } = await box.pages.json<{ rows: Finding[] }>('/api/findings')
      return rows.find((each) => each.rule_id === RULE)
    })
    expect(finding.src_ip).toBe(ATTACKER)
    await box.asked('the sentence tells of it', async () => {
      const sentence = await box.pages.sentence()
      return sentence.includes('critical') ? sentence : undefined
    })
    await box.machine.serial.expect(/worst critical/, TOLD_MS_MAX)
    mkdirSync(PICTURES, { recursive: true })
    await box.machine.picture(join(PICTURES, 'console.png'))
  })

  test('in the end its kernel image is the blessed one, and is when it is switched off', async () => {
    await box.blessed()
    await box.machine.cut()
    const images = new Esp(box.machine.disk).list().filter((path) => path.startsWith('/EFI/Linux/'))
    expect(images).toEqual([expect.not.stringContaining('+')])
  })
})
