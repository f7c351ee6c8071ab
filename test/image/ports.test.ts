/** A machine that no profile knows: somebody at its console says which port is which, and from then on they are. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../traffic/three-networks.ts'
import { Box } from './box.ts'
import { built } from './built.ts'
import { Neighbour } from './neighbour.ts'

const BOX = '10.0.2.15'
const STRANGER = '10.0.2.77'
const ASKED_MS_MAX = 60_000
/** Longer than a host waits before it asks for an address once more. */
const SILENT_MS = 45_000
const SILENCE_MS_MAX = 240_000

const image = await built()

describe.skipIf(!image)('on a machine that no profile knows', () => {
  let box: Box
  let code: string
  beforeAll(async () => {
    if (!image) return
    box = await Box.assemble(image, { product: 'Something Else' })
    code = await box.firstBoot()
    await box.answers()
  })
  afterAll(() => box?.close())

  test('every port asks for an address, and the pages are there', async () => {
    await box.machine.serial.expect(/no profile/, ASKED_MS_MAX)
    const { heard } = box.machine.second
    await until(() => heard.length > 0, 'the second port asks', ASKED_MS_MAX)
  })

  test('ports get their roles by number and the claim code, and a captured one falls silent', async () => {
    const { serial, second } = box.machine
    await types(box, '1', /Management port .*: /)
    await types(box, '1', /In the line .*: /)
    await types(box, '', /Captured ports .*: /)
    await types(box, '2', /claim code, to confirm: /)
    await types(box, code, /Done: management-enp0s2\/capture-enp0s3/)
    serial.press('\r')
    await serial.shows(/enp0s2 +management +link +10\.0\.2\.15\b/, ASKED_MS_MAX)
    await serial.shows(/enp0s3 +capture +link +52:54/, ASKED_MS_MAX)
    await silence(() => second.heardInAll)
    const stranger = new Neighbour(second, STRANGER)
    await expect(stranger.meets(BOX, ASKED_MS_MAX / 10)).rejects.toThrow()
    await box.answers()
  })
})

async function types({ machine: { serial } }: Box, line: string, then: RegExp): Promise<void> {
  serial.mark()
  serial.press(`${line}\r`)
  await serial.expect(then, ASKED_MS_MAX)
}

/** Until nothing was heard for long enough. */
async function silence(count: () => number): Promise<void> {
  let heard = -1
  let since = Date.now()
  await until(
    () => {
      if (count() !== heard) since = Date.now()
      heard = count()
      return Date.now() - since > SILENT_MS
    },
    'the captured port is silent',
    SILENCE_MS_MAX,
  )
}
