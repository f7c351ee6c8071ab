/** The battery of the hardware clock is dead, and nobody on the network tells the time: the box goes on from what it last knew. */
import { afterEach, describe, expect, test } from 'vitest'
import { until } from '../traffic/three-networks.ts'
import { Box } from './box.ts'
import { built } from './built.ts'
import { BOOT_MS_MAX } from './said.ts'

/** After the image was made, so that its own time is not what helps. */
const LATER = '2031-05-05T12:00:00'
const LONG_AGO = '2001-01-01T00:00:00'
/** The time is kept once a minute; what was kept in the last one may be lost with the power. */
const KEPT_MS = 180_000
const CLOCK = /(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC/

const image = await built()

describe.skipIf(!image)('the clock', () => {
  let box: Box | undefined
  afterEach(() => box?.close())

  test('is never before the last time that the box knew', async () => {
    if (!image) return
    box = await Box.assemble(image, { clock: LATER })
    const { machine } = box
    await box.firstBoot()
    const first = await shown(box)
    expect(first).toBeGreaterThanOrEqual(Date.parse(`${LATER}Z`))
    const keptBy = Date.now() + KEPT_MS
    await until(() => Date.now() > keptBy, 'the time is kept', BOOT_MS_MAX)
    await machine.cut()
    machine.clock = LONG_AGO
    machine.serial.mark()
    await machine.on()
    await machine.serial.expect(CLOCK, BOOT_MS_MAX)
    const then = await shown(box)
    process.stdout.write(`first ${new Date(first).toISOString()}, then ${new Date(then).toISOString()}\n`) // biome-ignore format: one line
    expect(then).toBeGreaterThan(first)
  })
})

/** Enter draws the console anew. */
async function shown({ machine: { serial } }: Box): Promise<number> {
  serial.mark()
  serial.press('\r')
  const [, day, time] = await serial.expect(CLOCK, BOOT_MS_MAX)
  return Date.parse(`${day}T${time}:00Z`)
}
