/** A newer kernel image that is no good: it has its tries, then the one before is back, with the data. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Box } from './box.ts'
import { built } from './built.ts'
import { Esp } from './esp.ts'
import { install, ukiPath } from './hook.ts'
import { BOOT_MS_MAX } from './said.ts'
import { takeApart, textOf, Ukify } from './uki.ts'

const NEWER = '999.0.0'
const TRIES = 1
/** What the loader has started, as it says itself, behind four bytes; no part of it can be sought. Each image of this test tells it. */
const STARTED = '/sys/firmware/efi/efivars/LoaderEntrySelected-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f'
const SAY_STARTED = `say RUNS $(cat ${STARTED} | tail -c +5 | tr -d "\\000")`
const RUNS = /^RUNS ?(\S*)\n/m

const image = await built()

describe.skipIf(!image)('a newer kernel image', () => {
  let box: Box
  let first: string
  beforeAll(async () => {
    if (!image) return
    box = await Box.assemble(image)
    const { machine } = box
    install(machine, { ukify: new Ukify(image.tools), pcrKey: image.pcrKey, script: SAY_STARTED })
    const code = await box.firstBoot()
    first = await running(box)
    await box.claim(code)
    await box.blessed()
    await machine.cut()
  })
  afterAll(() => box?.close())

  test('whose root is not the one it names has its try, then the one before boots', async () => {
    const bad = await tried(box, otherRoot)
    expect(await running(box)).toBe(first)
    await left(box, bad)
  })

  test('whose agent never starts is up, and given up; the one before boots, with an agent', async () => {
    const bad = await tried(box, withoutAgent, async () => {
      expect(await running(box)).toBe(`picket_${NEWER}.efi`)
      await box.machine.serial.expect(/picket-agent does not answer/, BOOT_MS_MAX)
    })
    expect(await running(box)).toBe(first)
    await box.machine.serial.expect(/capture .*\benp0s3 \d+ frames/, BOOT_MS_MAX)
    await left(box, bad)
  })
})

/** On, with a newer image; until the machine starts anew by itself. Gives that image's path. */
async function tried(
  box: Box,
  change: (words: string) => string,
  meanwhile: () => Promise<void> = async () => {},
): Promise<string> {
  const { machine } = box
  const bad = putNewer(box, change)
  machine.serial.mark()
  const began = performance.now()
  await machine.on()
  await meanwhile()
  await machine.qmp.event('RESET', BOOT_MS_MAX)
  machine.serial.mark()
  process.stdout.write(`given up after ${Math.round((performance.now() - began) / 1000)} s\n`)
  return bad
}

async function running({ machine }: Box): Promise<string> {
  const [, name = ''] = await machine.serial.expect(RUNS, BOOT_MS_MAX)
  return name
}

/** The data is that of before, and the bad image is one that the loader no longer takes. */
async function left(box: Box, bad: string): Promise<void> {
  await box.signIn()
  await box.machine.cut()
  const esp = new Esp(box.machine.disk)
  const spent = bad.replace(`+${TRIES}.efi`, `+0-${TRIES}.efi`)
  expect(esp.list()).toContain(spent)
  esp.remove(spent)
}

/** Another hash, of the same partitions: these are named by the two halves of the right one. */
function otherRoot(words: string): string {
  const [, hash = ''] = /roothash=(\w{64})/.exec(words) ?? []
  const uuid = (half: string) => half.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return [
    words.replace(hash, `${hash.slice(0, -8)}00000000`),
    `systemd.verity_root_data=PARTUUID=${uuid(hash.slice(0, 32))}`,
    `systemd.verity_root_hash=PARTUUID=${uuid(hash.slice(32))}`,
  ].join(' ')
}

function withoutAgent(words: string): string {
  return `${words} systemd.mask=picket-agent.service`
}

function putNewer({ machine }: Box, change: (cmdline: string) => string): string {
  if (!image) throw new Error('no image')
  const esp = new Esp(machine.disk)
  const path = ukiPath(esp)
  const parts = takeApart(esp.read(path))
  const osrel = textOf(parts, '.osrel').replace(
    /^((?:VERSION_ID|IMAGE_VERSION)=).*$/gm,
    `$1${NEWER}`,
  )
  const cmdline = change(textOf(parts, '.cmdline'))
  const bytes = new Ukify(image.tools).image(parts, { cmdline, osrel, pcrKey: image.pcrKey })
  const newer = path.replace(/_[^_]*$/, `_${NEWER}+${TRIES}.efi`)
  esp.write(newer, bytes)
  return newer
}
