/**
 * The power goes while a start is blessed: what reached the disk is recorded once, and cut at points that a seed draws, with
 * what was not flushed lost in part. Each of these disks has a whole kernel image for the loader, and some are booted.
 */
import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Chance } from '../traffic/chance.ts'
import { Box } from './box.ts'
import { built } from './built.ts'
import { Disk } from './disk.ts'
import { Esp } from './esp.ts'
import { cutAt, type Done } from './forgetful-disk.ts'
import { ukiPath } from './hook.ts'

const FOLDER = '/EFI/Linux'
const CUTS = 120
const BOOTS = 5

const image = await built()
const seed = Number(process.env['PICKET_SEED'] ?? randomInt(1, 1_000_000))

interface Cut {
  after: number
  seed: number
}

describe.skipIf(!image)('a start that is blessed', () => {
  let box: Box
  let whole: Buffer
  let record: readonly Done[]
  let moments: number[][]
  /** The disk as the blessing left it. */
  let blessed: string
  const chance = new Chance(seed)
  beforeAll(async () => {
    if (!image) return
    process.stdout.write(`seed ${seed}\n`)
    box = await Box.assemble(image, { seed })
    const { machine } = box
    whole = new Esp(machine.disk).read(ukiPath(new Esp(machine.disk)))
    await box.claim(await box.firstBoot())
    machine.cache.record()
    await box.blessed()
    await machine.cut()
    record = machine.cache.recordedSoFar()
    moments = momentsOf(record, machine.disk)
    blessed = join(machine.folder, 'blessed.raw')
    copy(machine.disk.path, blessed)
  })
  afterAll(() => box?.close())

  const drawn = (): Cut => ({
    after: chance.pick(chance.pick(moments)),
    seed: chance.int(1, 2 ** 31),
  })
  const made = (path: string, { after, seed }: Cut) => cutAt(path, record, after, new Chance(seed))

  test('leaves a whole kernel image wherever the power goes', () => {
    if (!image) return
    const path = join(box.machine.folder, 'cut.raw')
    copy(blessed, path)
    const left = new Map<string, number>()
    for (let i = 0; i < CUTS; i++) {
      const cut = drawn()
      made(path, cut)
      const found = imagesOf(path, whole)
      const names = found.map(({ name, isWhole }) => `${name}${isWhole ? '' : ' (not whole)'}`).join(', ') // biome-ignore format: one line
      left.set(names, (left.get(names) ?? 0) + 1)
      expect(found.some(({ isWhole }) => isWhole), `cut ${JSON.stringify(cut)} leaves ${names}`).toBe(true) // biome-ignore format: one line
    }
    process.stdout.write(`${moments.length} flushes, ${CUTS} cuts:\n`)
    for (const [names, times] of left) process.stdout.write(`  ${times} ${names}\n`)
  })

  test('boots wherever the power goes, and is blessed in the end', async () => {
    if (!image) return
    const { machine } = box
    for (let i = 0; i < BOOTS; i++) {
      const cut = drawn()
      copy(blessed, machine.disk.path)
      const { lost, of } = made(machine.disk.path, cut)
      const before = imagesOf(machine.disk.path, whole).map(({ name }) => name)
      const began = performance.now()
      await box.boot()
      process.stdout.write(`cut ${JSON.stringify(cut)}, ${lost} of ${of} sectors lost, ${before.join(', ')}: back after ${Math.round((performance.now() - began) / 1000)} s\n`) // biome-ignore format: one line
      expect(await box.pages.sentence()).toMatch(/\w/)
      if (i === BOOTS - 1)
        await box.asked('the start is blessed', async () => isBlessed(box, whole))
      await machine.cut()
    }
    expect(isBlessed(box, whole)).toBe(true)
  })
})

/** Between two flushes each: after which of what was done a cut falls into the blessing, which alone writes to the ESP. */
function momentsOf(record: readonly Done[], disk: Disk): number[][] {
  const { offset, bytes } = disk.partition(/^esp$/i)
  const onEsp = (done: Done) => done !== 'flush' && done.at >= offset && done.at < offset + bytes
  const first = record.findIndex(onEsp)
  const last = record.findLastIndex(onEsp)
  const moments: number[][] = [[]]
  for (let after = first; after <= last + 1; after++) {
    moments.at(-1)?.push(after)
    if (record[after] === 'flush') moments.push([])
  }
  return moments.filter((each) => each.length > 0)
}

/** What the loader takes for an image, by its name alone. */
function imagesOf(path: string, whole: Buffer): { name: string; isWhole: boolean }[] {
  const esp = new Esp(Disk.of(path))
  return esp
    .within(FOLDER)
    .filter((each) => each.endsWith('.efi') && !each.includes('+0-'))
    .map((each) => ({ name: each.slice(FOLDER.length + 1), isWhole: esp.read(each).equals(whole) }))
}

function isBlessed({ machine }: Box, whole: Buffer): true | undefined {
  const found = imagesOf(machine.disk.path, whole)
  return found.some(({ name, isWhole }) => isWhole && !name.includes('+')) || undefined
}

function copy(from: string, to: string): void {
  execFileSync('cp', ['--sparse=always', from, to])
}
