/** The battery of the hardware clock is dead, and nobody on the network tells the time: the box goes on from what it last knew. */
import { afterEach, describe, expect, test } from 'vitest'
import { until } from '../traffic/three-networks.ts'
import { Box } from './box.ts'
import { built, ROOT } from './built.ts'
import { BOOT_MS_MAX } from './said.ts'

const LONG_AGO = '1999-01-01T00:00:00'
/** Of erofs: when it was made, in seconds, which is the commit's time. */
const MADE_AT = 1024 + 24
const DAY_MS = 86_400_000
const MONTH_MS = 30 * DAY_MS
/** The time is kept once a minute; the last of these may be lost with the power. */
const KEPT_MS = 60_000
const RUNS_MS = 3 * KEPT_MS
const CLOCK = /(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC/

const image = await built()

describe.skipIf(!image)('a clock that stands in the last century', () => {
  let box: Box | undefined
  afterEach(() => box?.close())

  test('is put to the time of the image at the first start, and to the last time that the box knew at each later one', async () => {
    if (!image) return
    box = await Box.assemble(image, { clock: LONG_AGO })
    const { machine } = box
    const madeMs = Number(machine.disk.read(machine.disk.partition(ROOT).offset + MADE_AT, 8).readBigUInt64LE()) * 1000 // biome-ignore format: one line
    await box.claim(await box.firstBoot())
    const first = await shown(box)
    expect(first).toBeGreaterThanOrEqual(minute(madeMs))
    expect(first).toBeLessThan(madeMs + DAY_MS)
    await machine.cut()

    machine.clock = new Date(madeMs + MONTH_MS).toISOString().slice(0, 19)
    await box.boot()
    const right = await shown(box)
    expect(right).toBeGreaterThanOrEqual(minute(madeMs + MONTH_MS))
    const by = Date.now() + RUNS_MS
    await until(() => Date.now() > by, 'the time is kept', BOOT_MS_MAX)
    const last = await shown(box)
    await machine.cut()

    machine.clock = LONG_AGO
    await box.boot()
    const then = await shown(box)
    expect(then).toBeGreaterThan(last - 2 * KEPT_MS)
    const said = { image: madeMs, first, right, last, then }
    for (const [name, ms] of Object.entries(said)) process.stdout.write(`${name} ${new Date(ms).toISOString()}\n`) // biome-ignore format: one line
  })
})

/** Enter draws the console anew. */
async function shown({ machine: { serial } }: Box): Promise<number> {
  serial.mark()
  serial.press('\r')
  const [, day, time] = await serial.expect(CLOCK, BOOT_MS_MAX)
  return Date.parse(`${day}T${time}:00Z`)
}

/** As the console shows it. */
const minute = (ms: number) => ms - (ms % 60_000)
