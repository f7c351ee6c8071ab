/** A newer kernel image that is no good: it has its tries, then the one before is back, with the data. */
import { afterEach, describe, expect, test } from 'vitest'
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
  let box: Box | undefined
  afterEach(() => box?.close())

  test.each([
    ['whose root is not the one it names', (words: string) => words.replace(/roothash=\w{8}/, 'roothash=00000000')], // biome-ignore format: one line
    ['whose agent never starts', (words: string) => `${words} systemd.mask=picket-agent.service`],
  ])('%s has its tries, then the one before boots', async (_, change) => {
    if (!image) return
    box = await Box.assemble(image)
    const { machine } = box
    await box.claim(await box.firstBoot())
    await box.blessed()
    await machine.cut()
    const bad = putNewer(box, change)
    machine.serial.mark()
    await machine.on()
    await machine.qmp.event('RESET', BOOT_MS_MAX)
    await box.signIn()
    await machine.cut()
    expect(new Esp(machine.disk).list()).toContain(bad.replace(`+${TRIES}.efi`, `+0-${TRIES}.efi`))
  })
})

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
