/** Somebody had the disk in the hand: blocks that are not what was built, and files put beside the kernel image. */
import { afterEach, describe, expect, test } from 'vitest'
import { Box } from './box.ts'
import { built, ROOT } from './built.ts'
import { Esp } from './esp.ts'
import { ukiPath } from './hook.ts'
import { BOOT_MS_MAX, SAID } from './said.ts'
import { Ukify } from './uki.ts'

const RESET_MS_MAX = 120_000
/** Of erofs: its first field behind the magic. */
const SUPERBLOCK_AT = 1024 + 6

/** For the kernel: whoever may add some is root. */
const WORDS = 'systemd.debug_shell=ttyS0'

const PASSPHRASE = 'nine slow barges'
const ANSWER_MS_MAX = 120_000

const image = await built()

describe.skipIf(!image)('a disk that was changed', () => {
  let box: Box | undefined
  afterEach(() => box?.close())

  test('with one bit of its root file system flipped it is refused; flipped back it boots', async () => {
    if (!image) return
    box = await Box.assemble(image)
    const { machine } = box
    const at = machine.disk.partition(ROOT).offset + SUPERBLOCK_AT
    const flip = () => {
      const [byte = 0] = machine.disk.read(at, 1)
      machine.disk.write(at, Buffer.from([byte ^ 1]))
    }
    flip()
    await machine.on()
    await machine.serial.expect(SAID.corrupt, BOOT_MS_MAX)
    await machine.qmp.event('RESET', RESET_MS_MAX)
    await machine.cut()
    flip()
    machine.serial.mark()
    await box.firstBoot()
  })

  test('an add-on, a credential or words of the firmware leave the data shut, and it opens when they are gone', async () => {
    if (!image) return
    box = await Box.assemble(image)
    const { machine } = box
    await box.claim(await box.firstBoot())
    await machine.cut()
    dropCount(machine)
    const addOn = new Ukify(image.tools).addOn(WORDS)
    const beside: [name: (uki: string) => string, bytes: Buffer][] = [
      [(uki) => `${uki}.extra.d/more.addon.efi`, addOn],
      [() => '/loader/credentials/more.cred', Buffer.from('more')],
    ]
    for (const [name, bytes] of beside) {
      const esp = new Esp(machine.disk)
      const path = name(ukiPath(esp))
      esp.write(path, bytes)
      await staysShut(box, path)
      new Esp(machine.disk).remove(path)
    }
    machine.firmwareStrings = [`io.systemd.stub.kernel-cmdline-extra=${WORDS}`]
    await staysShut(box, 'firmware')
    machine.firmwareStrings = []
    await box.boot()
    expect(await box.pages.sentence()).toMatch(/\w/)
  })
})

describe.skipIf(!image)('a machine without a TPM', () => {
  let box: Box | undefined
  afterEach(() => box?.close())

  test('says so, takes a passphrase that is good enough, and asks for it at each start', async () => {
    if (!image) return
    box = await Box.assemble(image, { tpm: false })
    const { machine } = box
    await machine.on()
    await machine.serial.expect(/no TPM: its data will be opened by a passphrase/, BOOT_MS_MAX)
    for (const [one, two, then] of [
      ['short', 'short', /too short/],
      [PASSPHRASE, 'something else entirely', /they differ/],
      [PASSPHRASE, PASSPHRASE, SAID.code],
    ] as const) {
      await asked(box, /New passphrase for the data/, one)
      await asked(box, /The same again/, two)
      await machine.serial.expect(then, BOOT_MS_MAX)
    }
    await box.claim(await box.codeShown())
    await machine.serial.expect(/opened by a passphrase/, ANSWER_MS_MAX)
    await machine.cut()
    machine.serial.mark()
    await machine.on()
    await asked(box, SAID.locked, 'not the passphrase')
    await asked(box, SAID.locked, PASSPHRASE)
    await machine.serial.expect(SAID.fingerprint, BOOT_MS_MAX)
    await box.signIn()
    expect(machine.serial.said).not.toContain(PASSPHRASE)
  })
})

/** What is typed is answered later, so what is said from here on is new. */
async function asked({ machine: { serial } }: Box, question: RegExp, words: string): Promise<void> {
  await serial.expect(question, BOOT_MS_MAX)
  serial.mark()
  serial.press(`${words}\r`)
}

/** Files beside an image are found by its name, which must not change by a start that is counted. */
function dropCount({ disk }: Box['machine']): void {
  const esp = new Esp(disk)
  const path = ukiPath(esp)
  if (path.includes('+')) esp.rename(path, path.replace(/\+[\d-]+\.efi$/, '.efi'))
}

async function staysShut(box: Box, because: string): Promise<void> {
  const { machine } = box
  machine.serial.mark()
  await machine.on()
  await machine.serial.expect(SAID.locked, BOOT_MS_MAX)
  await expect(box.pages.get('/healthz'), because).rejects.toThrow()
  await machine.cut()
}
