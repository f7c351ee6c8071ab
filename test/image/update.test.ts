/** A newer kernel image that is no good: it has its tries, then the one before is back, with the data. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Box } from './box.ts'
import { built } from './built.ts'
import { Esp } from './esp.ts'
import { ukiPath } from './hook.ts'
import { BOOT_MS_MAX } from './said.ts'
import { takeApart, textOf, Ukify } from './uki.ts'

const NEWER = '999.0.0'
const TRIES = 1

const image = await built()

describe.skipIf(!image)('a newer kernel image', () => {
  let box: Box
  beforeAll(async () => {
    if (!image) return
    box = await Box.assemble(image)
    await box.claim(await box.firstBoot())
    await box.blessed()
    await box.machine.cut()
  })
  afterAll(() => box?.close())

  test.each([
    ['whose root is not the one it names', otherRoot],
    ['whose agent never starts', (words: string) => `${words} systemd.mask=picket-agent.service`],
  ])('%s has its tries, then the one before boots', async (_, change) => {
    const { machine } = box
    const bad = putNewer(box, change)
    machine.serial.mark()
    const began = performance.now()
    await machine.on()
    await machine.qmp.event('RESET', BOOT_MS_MAX)
    await box.signIn()
    process.stdout.write(`back on the one before after ${Math.round((performance.now() - began) / 1000)} s\n`) // biome-ignore format: one line
    await machine.cut()
    const esp = new Esp(machine.disk)
    const left = bad.replace(`+${TRIES}.efi`, `+0-${TRIES}.efi`)
    expect(esp.list()).toContain(left)
    esp.remove(left)
  })
})

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
