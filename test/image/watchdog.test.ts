/** What hangs is not left hanging: a process by systemd, the whole machine by its watchdog. */
import { afterEach, describe, expect, test } from 'vitest'
import { Box } from './box.ts'
import { built } from './built.ts'
import { install } from './hook.ts'
import { BOOT_MS_MAX, SAID } from './said.ts'
import { Ukify } from './uki.ts'

/** Longer than any unit's WatchdogSec and the machine's own, one after the other, on a slow machine. */
const HUNG_MS_MAX = 1_200_000
/** The agent stands still, as if it hung in a loop; its end and its new beginning are told. */
const STOP_AGENT = [
  'pid() { systemctl show -P MainPID picket-agent; }',
  'until systemctl -q is-active picket-agent; do sleep 1; done',
  'old=$(pid); kill -STOP $old; echo HUNG',
  'until systemctl -q is-active picket-agent && [ $(pid) != $old ]; do sleep 1; done',
  'systemctl show -P NRestarts picket-agent; echo BACK',
].join('; ')
/** Process 1 stands still with all it has to do, and nobody feeds the machine's watchdog any more. */
const STOP_ALL = [
  'until systemctl -q is-active picket-agent; do sleep 1; done',
  'echo HUNG; echo 1 >/sys/fs/cgroup/init.scope/cgroup.freeze',
].join('; ')

const image = await built()

describe.skipIf(!image)('the watchdog', () => {
  let box: Box | undefined
  afterEach(() => box?.close())

  test('an agent that hangs is ended and started anew', async () => {
    if (!image) return
    box = await Box.assemble(image)
    hook(box, STOP_AGENT)
    await box.machine.on()
    await box.machine.serial.expect(/^HUNG/m, BOOT_MS_MAX)
    await box.machine.serial.expect(/^[1-9]\d*\nBACK/m, HUNG_MS_MAX)
  })

  test('a machine that hangs is reset, and comes back', async () => {
    if (!image) return
    box = await Box.assemble(image)
    const { machine } = box
    hook(box, STOP_ALL)
    await machine.on()
    await machine.serial.expect(/^HUNG/m, BOOT_MS_MAX)
    machine.serial.mark()
    const { data } = await machine.qmp.event('WATCHDOG', HUNG_MS_MAX)
    expect(data).toMatchObject({ action: 'reset' })
    await machine.serial.expect(SAID.firmware, BOOT_MS_MAX)
  })

  test('a disk that takes no more is noticed: the box does not go on as if it kept what it sees', async () => {
    if (!image) return
    box = await Box.assemble(image)
    const { machine } = box
    await box.claim(await box.firstBoot())
    machine.serial.mark()
    machine.cache.stall(true)
    await machine.qmp.event('RESET', HUNG_MS_MAX)
    machine.cache.stall(false)
    await machine.serial.expect(SAID.firmware, BOOT_MS_MAX)
    await machine.serial.expect(SAID.fingerprint, BOOT_MS_MAX)
  })
})

function hook({ machine }: Box, script: string): void {
  if (image) install(machine, { ukify: new Ukify(image.tools), pcrKey: image.pcrKey, script })
}
