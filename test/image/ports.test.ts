/** A machine that no profile knows: somebody at its console says which port is which, and later says otherwise. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../traffic/three-networks.ts'
import { exploit, RULE } from './attack.ts'
import { Box, NAME, PASSWORD } from './box.ts'
import { built } from './built.ts'
import { Neighbour } from './neighbour.ts'
import type { Wire } from './wire.ts'

const BOX = '10.0.2.15'
const STRANGER = '10.0.2.77'
const ASKED_MS_MAX = 60_000
const DRAWN_MS_MAX = 15_000
const MET_MS = 6_000
/** Longer than a host waits before it asks for an address once more. */
const SILENT_MS = 45_000
const SILENCE_MS_MAX = 240_000
const AGAIN_MS = 5_000
const ASSET = '10.30.0.10'

const image = await built()

describe.skipIf(!image)('on a machine that no profile knows', () => {
  let box: Box
  let code: string
  let srcPort = 40_001
  beforeAll(async () => {
    if (!image) return
    box = await Box.assemble(image, { product: 'Something Else', thirdPort: true })
    code = await box.firstBoot()
    await box.answers()
  })
  afterAll(() => box?.close())

  const attack = (wire: Wire, src: string) => wire.send(exploit({ src, dest: ASSET, srcPort: srcPort++ })) // biome-ignore format: one line
  const attackers = async () => {
    const { rows } = await box.pages.json<{ rows: { rule_id: string; src_ip: string }[] }>('/api/findings?limit=50') // biome-ignore format: one line
    return rows.flatMap(({ rule_id, src_ip }) => (rule_id === RULE ? [src_ip] : []))
  }
  /** Attacked again and again, until it is seen. */
  const sees = (wire: Wire, src: string) => {
    let attackedAt = 0
    return box.asked(`${src} is found`, async () => {
      if (Date.now() - attackedAt > AGAIN_MS) {
        attackedAt = Date.now()
        await attack(wire, src)
      }
      return (await attackers()).includes(src) || undefined
    })
  }

  test('every port asks for an address, and the pages are there', async () => {
    await box.machine.serial.expect(/no profile/, ASKED_MS_MAX)
    for (const { heard } of [box.machine.second, box.machine.third])
      await until(() => heard.length > 0, 'another port asks', ASKED_MS_MAX)
  })

  test('ports get their roles by number and the claim code: the captured one falls silent and is seen', async () => {
    const { serial, second } = box.machine
    await choosesPorts(box)
    await types(box, '1', /In the line .*: /)
    await types(box, '', /Captured ports .*: /)
    await types(box, '2', /claim code, to confirm: /)
    await types(box, code, /Done: management-enp0s2\/capture-enp0s3/)
    serial.press('\r')
    await serial.shows(/enp0s2 +management +link +10\.0\.2\.15\b/, ASKED_MS_MAX)
    await serial.shows(/enp0s3 +capture +link +52:54/, ASKED_MS_MAX)
    await silence(second)
    const stranger = new Neighbour(second, STRANGER)
    await expect(stranger.meets(BOX, MET_MS)).rejects.toThrow()
    stranger.leave()
    await box.claim(code)
    await sees(second, '10.20.0.66')
  })

  test("the role is another port's, by an administrator: what is captured goes on there, and here no more", async () => {
    const { serial, second, third } = box.machine
    await choosesPorts(box)
    await types(box, '', /In the line .*: /)
    await types(box, '', /Captured ports .*: /)
    await types(box, '3', /Administrator: /)
    await types(box, NAME, /Password .*: /)
    const began = performance.now()
    await types(box, PASSWORD, /Done: capture-enp0s4/)
    serial.press('\r')
    await serial.shows(/enp0s4 +capture +link +52:54/, ASKED_MS_MAX)
    await serial.shows(/enp0s3 +(?!capture)\w+ +link/, ASKED_MS_MAX)
    await attack(second, '10.20.0.67')
    await sees(third, '10.40.0.66')
    process.stdout.write(`the other port was seen ${Math.round((performance.now() - began) / 1000)} s after the change\n`) // biome-ignore format: one line
    await attack(second, '10.20.0.67')
    await sees(third, '10.40.0.67')
    expect(await attackers()).not.toContain('10.20.0.67')
    await silence(third)
    expect(serial.said).not.toContain(PASSWORD)
  })
})

/** What is typed while the screen is drawn anew is not taken: somebody there types it again. */
function choosesPorts(box: Box): Promise<unknown> {
  return box.asked('the console asks for ports', async () => {
    await types(box, '1', /Management port .*: /, DRAWN_MS_MAX)
    return true
  })
}

async function types(
  { machine: { serial } }: Box,
  line: string,
  then: RegExp,
  waitMs = ASKED_MS_MAX,
): Promise<void> {
  serial.mark()
  serial.press(`${line}\r`)
  await serial.expect(then, waitMs)
}

/** Until nothing was heard for long enough. */
async function silence(wire: Wire): Promise<void> {
  let heard = -1
  let since = Date.now()
  await until(
    () => {
      if (wire.heardInAll !== heard) since = Date.now()
      heard = wire.heardInAll
      return Date.now() - since > SILENT_MS
    },
    'the captured port is silent',
    SILENCE_MS_MAX,
  )
}
