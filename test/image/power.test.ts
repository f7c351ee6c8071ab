/** The power goes, at moments that nobody chose: while the box is first set up, and while its lake commits. */
import { randomInt } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { Chance } from '../traffic/chance.ts'
import { until } from '../traffic/three-networks.ts'
import { browse, exploit } from './attack.ts'
import { Box } from './box.ts'
import { built } from './built.ts'
import { Esp } from './esp.ts'
import { BOOT_MS_MAX } from './said.ts'

/** A first boot flushes its disk some hundred times; which of them is the last is drawn. */
const FLUSHES = [5, 40, 160] as const
const ROUNDS = 2
const TALKS = 40
/** The folders of the ESP have no more. */
const FOLDERS_BYTES = 64 << 10

interface Row {
  event_id: string
  src_ip?: string
}

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
      await holdsUnflushed(machine, last)
      const { lost, of } = await machine.cut()
      process.stdout.write(`cut after ${machine.cache.flushes} flushes: ${lost} of ${of} sectors lost\n`) // biome-ignore format: one line
    }
    machine.serial.mark()
    await box.claim(await box.firstBoot())
    expect(await box.pages.sentence()).toMatch(/\w/)
  })

  test.each(['.new', '.old'])(
    'a start is called good by the next one when the power goes at %s',
    async (left) => {
      process.stdout.write(`seed ${seed}\n`)
      if (!image) return
      box = await Box.assemble(image, { seed })
      const { machine } = box
      const esp = new Esp(machine.disk)
      const before = esp.list()
      await box.firstBoot()
      await calledGood(machine, left)
      const { lost, of } = await machine.cut()
      process.stdout.write(`${lost} of ${of} sectors lost: ${esp.within('/EFI/Linux').join(' ')}\n`)
      await machine.on()
      await box.blessed()
      await box.asked('no block is loose', async () => esp.looseBytes() < FOLDERS_BYTES || undefined) // biome-ignore format: one line
      await box.flushed()
      await machine.cut()
      expect(esp.list()).toEqual(before.map((path) => path.replace(/\+[-0-9]*\.efi$/, '.efi')))
    },
  )

  test('no row that was shown is lost', async () => {
    process.stdout.write(`seed ${seed}\n`)
    if (!image) return
    const chance = new Chance(seed)
    box = await Box.assemble(image, { seed })
    await box.claim(await box.firstBoot())
    for (let round = 0; round < ROUNDS; round++) {
      const shown = await underLoad(box, chance, round)
      expect(shown.size).toBeGreaterThan(0)
      await holdsUnflushed(box.machine, 0)
      const { lost, of } = await box.machine.cut()
      process.stdout.write(`${shown.size} rows were shown; ${lost} of ${of} sectors lost\n`)
      await box.boot()
      await allThere(box, shown)
    }
  })
})

/** So many flushes, and then something to lose. */
function holdsUnflushed({ cache }: Box['machine'], flushes: number): Promise<void> {
  const is = () => cache.flushes >= flushes && cache.unflushed > 0
  return until(is, `the disk is flushed ${flushes} times and written on`, BOOT_MS_MAX)
}

/** A file of this ending is in the drive's cache or on it, and something may be lost. It is there for some tenths of a second. */
function calledGood({ cache, disk }: Box['machine'], left: string): Promise<void> {
  const esp = new Esp(disk)
  let seen = 0
  const is = () => {
    if (cache.unflushed === seen) return false
    seen = cache.unflushed
    return seen > 0 && esp.within('/EFI/Linux').some((path) => path.endsWith(left))
  }
  return until(is, 'it is being called good', BOOT_MS_MAX)
}

/** Talks without end, and in the middle of them, at a flush that the seed draws, what the pages show. */
async function underLoad(box: Box, chance: Chance, round: number): Promise<Set<string>> {
  const { machine } = box
  let port = 10_000
  const ends = () => ({ dest: '10.30.0.10', srcPort: port++ })
  const attack = (n: number) => machine.second.send(exploit({ ...ends(), src: `10.20.${round}.${10 + (n % 200)}` })) // biome-ignore format: one line
  const shown = new Set<string>()
  const look = async () => {
    for (const { event_id, src_ip } of await findings(box))
      if (src_ip?.startsWith(`10.20.${round}.`)) shown.add(event_id)
  }
  // Its ring may open later than its pages.
  await until(
    async () => {
      await attack(port)
      await look()
      return shown.size > 0
    },
    'a finding is shown',
    BOOT_MS_MAX,
  )
  const last = machine.cache.flushes + chance.int(20, 60)
  while (machine.cache.flushes < last) {
    for (let n = 0; n < TALKS; n++)
      await machine.second.send(browse({ ...ends(), src: `10.20.${round}.7` }, n))
    await attack(port)
    await look()
  }
  return shown
}

/** A machine that is busy may end a question before it is answered. */
async function findings(box: Box): Promise<Row[]> {
  const ask = () => box.pages.json<{ rows: Row[] }>('/api/findings?limit=50')
  return (await box.asked('the findings are shown', ask)).rows
}

async function allThere(box: Box, shown: Set<string>): Promise<void> {
  await box.asked('the lake answers', async () => (await findings(box)).length > 0 || undefined)
  const missing: string[] = []
  for (const id of shown) {
    const known = async () => {
      const { status } = await box.pages.get(`/api/findings/${id}`)
      return [200, 404].includes(status) ? status : undefined
    }
    if ((await box.asked(`${id} is looked for`, known)) !== 200) missing.push(id)
  }
  expect(missing).toEqual([])
}
