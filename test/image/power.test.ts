/** The power goes, at moments that nobody chose: while the box is first set up, and while its lake commits. */
import { randomInt } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { Chance } from '../traffic/chance.ts'
import { until } from '../traffic/three-networks.ts'
import { browse, exploit } from './attack.ts'
import { Box } from './box.ts'
import { built } from './built.ts'
import { BOOT_MS_MAX } from './said.ts'

/** A first boot flushes its disk some hundred times; which of them is the last is drawn. */
const FLUSHES = [5, 40, 160] as const
const ROUNDS = 2
const TALKS = 40

const image = await built()
const seed = Number(process.env['PICKET_SEED'] ?? randomInt(1, 1_000_000))

describe.skipIf(!image)('when the power goes', () => {
  let box: Box | undefined
  afterEach(() => box?.close())

  test('a first boot that is cut short, several times, is a first boot again', async () => {
    process.stdout.write(`seed ${seed}\n`)
    if (!image) return
    const chance = new Chance(seed)
    box = await Box.assemble(image, { seed })
    const { machine } = box
    for (const most of FLUSHES) {
      const last = machine.cache.flushes + chance.int(1, most)
      await machine.on()
      await until(() => machine.cache.flushes >= last, `the disk is flushed ${last} times`, BOOT_MS_MAX) // biome-ignore format: one line
      const { lost, of } = await machine.cut()
      process.stdout.write(`cut after ${machine.cache.flushes} flushes: ${lost} of ${of} sectors lost\n`) // biome-ignore format: one line
    }
    machine.serial.mark()
    await box.claim(await box.firstBoot())
    expect(await box.pages.sentence()).toMatch(/\w/)
  })

  test('no row that was shown is lost', async () => {
    process.stdout.write(`seed ${seed}\n`)
    if (!image) return
    const chance = new Chance(seed)
    box = await Box.assemble(image, { seed })
    await box.claim(await box.firstBoot())
    for (let round = 0; round < ROUNDS; round++) {
      const shown = await underLoad(box, chance, round)
      expect(shown.size).toBeGreaterThan(0)
      const { lost, of } = await box.machine.cut()
      process.stdout.write(`${shown.size} rows were shown; ${lost} of ${of} sectors lost\n`)
      await box.boot()
      await allThere(box, shown)
    }
  })
})

/** Talks without end, and in the middle of them, at a flush that the seed draws, what the pages show. */
async function underLoad(box: Box, chance: Chance, round: number): Promise<Set<string>> {
  const { machine, pages } = box
  const shown = new Set<string>()
  const last = machine.cache.flushes + chance.int(20, 60)
  for (let i = 0; machine.cache.flushes < last; i++) {
    const ends = { src: `10.20.${round}.7`, dest: '10.30.0.10', srcPort: 10_000 + (i % 50_000) }
    for (let n = 0; n < TALKS; n++)
      await machine.second.send(browse({ ...ends, srcPort: ends.srcPort + n }, n))
    await machine.second.send(exploit({ ...ends, src: `10.20.${round}.${10 + (i % 200)}` }))
    for (const id of await idsOf(pages)) shown.add(id)
  }
  return shown
}

async function idsOf(pages: Box['pages']): Promise<string[]> {
  const { rows } = await pages.json<{ rows: { event_id: string }[] }>('/api/findings?limit=50')
  return rows.map(({ event_id }) => event_id)
}

async function allThere(box: Box, shown: Set<string>): Promise<void> {
  await box.asked('the lake answers', async () => (await idsOf(box.pages)).length > 0 || undefined)
  const missing: string[] = []
  for (const id of shown) if ((await box.pages.get(`/api/findings/${id}`)).status !== 200) missing.push(id) // biome-ignore format: one line
  expect(missing).toEqual([])
}
