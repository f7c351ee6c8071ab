/** What hangs is not left hanging: a process by systemd, the whole machine by its watchdog. */
import { afterEach, describe, expect, test } from 'vitest'
import { Box } from './box.ts'
import { built } from './built.ts'
import { install } from './hook.ts'
import { BOOT_MS_MAX, SAID } from './said.ts'
import { Ukify } from './uki.ts'

/** Longer than any unit's WatchdogSec and the machine's own, one after the other, on a slow machine. */
const HUNG_MS_MAX = 1_200_000
/**
 * The agent stands still, as if it hung in a loop; its end and its new beginning are told. Then process 1 does, with all it
 * has to do, and nobody feeds the machine's watchdog any more.
 */
const STOP_BOTH = [
  'pid() { systemctl show -P MainPID picket-agent; }',
  'until systemctl -q is-active picket-agent; do sleep 1; done',
  'old=$(pid); kill -STOP $old; say HUNG',
  'until systemctl -q is-active picket-agent && [ $(pid) != $old ]; do sleep 1; done',
  'say $(systemctl show -P NRestarts picket-agent) BACK',
  'echo 1 >/sys/fs/cgroup/init.scope/cgroup.freeze',
].join('; ')

const image = await built()

describe.skipIf(!image)('the watchdog', () => {
  let box: Box | undefined
  afterEach(() => box?.close())

  test('an agent that hangs is ended and started anew; a machine that hangs is reset, and comes back', async () => {
    if (!image) return
    box = await Box.assemble(image)
    const { machine } = box
    install(machine, { ukify: new Ukify(image.tools), pcrKey: image.pcrKey, script: STOP_BOTH })
    await machine.on()
    await machine.serial.expect(/^HUNG/m, BOOT_MS_MAX)
    const hungAt = performance.now()
    await machine.serial.expect(/^[1-9]\d* BACK/m, HUNG_MS_MAX)
    const backAt = performance.now()
    machine.serial.mark()
    const { data } = await machine.qmp.event('WATCHDOG', HUNG_MS_MAX)
    expect(data).toMatchObject({ action: 'reset' })
    process.stdout.write(`the agent was back after ${seconds(hungAt, backAt)}, the machine reset after ${seconds(backAt, performance.now())}\n`) // biome-ignore format: one line
    await machine.serial.expect(SAID.firmware, BOOT_MS_MAX)
  })
})

const seconds = (from: number, to: number) => `${Math.round((to - from) / 1000)} s`
