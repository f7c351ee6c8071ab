/** What a stranger finds at a box that stands there: on its wires, at its keyboard, through its firmware. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TCP } from '../../agent/decode/packet.ts'
import { tcp } from '../traffic/frames.ts'
import { until } from '../traffic/three-networks.ts'
import { Box } from './box.ts'
import { built } from './built.ts'
import { HTTPS_PORT } from './machine.ts'
import { Neighbour } from './neighbour.ts'
import { inkOf } from './picture.ts'

/** As QEMU's network gives it. */
const BOX = '10.0.2.15'
const STRANGER = '10.0.2.77'
const PORTS_MAX = 65_535
const CHUNK = 256
const CHUNK_MS_MAX = 1_000
const ROUNDS = 2
const TERMINALS = [2, 3, 4, 5, 6]
const SYN_ACK = TCP.SYN | TCP.ACK
const ANSWERED_MS_MAX = 60_000
const SILENT_MS = 5_000

const base64 = (text: string) => Buffer.from(text).toString('base64')
const INTRUDER = [
  '[Service]\nType=oneshot\nStandardOutput=tty\nTTYPath=/dev/ttyS0\n',
  'ExecStart=/bin/sh -c "echo INTRUDER; id"\n',
].join('')
/** systemd takes credentials from the firmware, and units among them, where nobody forbids it. */
const FIRMWARE_STRINGS = [
  `io.systemd.credential.binary:systemd.extra-unit.intruder.service=${base64(INTRUDER)}`,
  `io.systemd.credential.binary:systemd.unit-dropin.multi-user.target=${base64('[Unit]\nWants=intruder.service\n')}`, // biome-ignore format: one line
  'io.systemd.credential:passwd.plaintext-password.root=intruder',
]

const image = await built()

describe.skipIf(!image)('a stranger', () => {
  let box: Box
  beforeAll(async () => {
    if (!image) return
    box = await Box.assemble(image, { firmwareStrings: FIRMWARE_STRINGS })
    await box.firstBoot()
    await box.answers()
  })
  afterAll(() => box?.close())

  test('who can set strings of the firmware runs nothing', () => {
    expect(box.machine.serial.said).not.toContain('INTRUDER')
    expect(box.machine.serial.said).not.toMatch(/login:|debug-shell|sh-5\.\d#|root@/)
  })

  test('on the first port one TCP port is open: that of the pages', async () => {
    const stranger = new Neighbour(box.machine.uplink, STRANGER)
    await stranger.meets(BOX)
    await scan(stranger)
    const control = (packet: { srcPort: number; flags: number }) =>
      packet.srcPort === HTTPS_PORT && packet.flags === SYN_ACK
    await stranger.hears(control, 'the port of the pages', ANSWERED_MS_MAX)
    await quiet(stranger)
    const open = stranger.arrived.filter(({ flags }) => flags === SYN_ACK)
    expect([...new Set(open.map(({ srcPort }) => srcPort))]).toEqual([HTTPS_PORT])
  })

  test('the second port says nothing and answers nobody', async () => {
    const { second } = box.machine
    const stranger = new Neighbour(second, STRANGER)
    await expect(stranger.meets(BOX, SILENT_MS)).rejects.toThrow()
    expect(second.heard.map((frame) => frame.subarray(0, 48).toString('hex'))).toEqual([])
  })

  test('at the keyboard there is no shell and no login on any terminal', async () => {
    const { machine } = box
    machine.serial.mark()
    for (const keys of ['\r\r', '\x03', '\x1a', '\x04', 'root\r', '\x1b'])
      machine.serial.press(keys)
    for (const number of TERMINALS) {
      await press(box, 'ctrl', 'alt', `f${number}`)
      const isEmpty = async () => (await inkOf(machine)) === 0
      await until(isEmpty, `tty${number} is empty`, ANSWERED_MS_MAX)
      for (const key of ['ret', 'r', 'o', 'o', 't', 'ret']) await press(box, key)
      await until(isEmpty, `tty${number} is empty after keys`, ANSWERED_MS_MAX)
    }
    await press(box, 'ctrl', 'alt', 'f1')
    await until(async () => (await inkOf(machine)) > 0, 'the console is drawn', ANSWERED_MS_MAX)
    expect(machine.serial.said).not.toMatch(/login:|password:|sh-5\.\d|root@/i)
    await box.answers()
  })
})

function press({ machine }: Box, ...keys: string[]): Promise<unknown> {
  return machine.qmp.ask('send-key', { keys: keys.map((data) => ({ type: 'qcode', data })) })
}

/** A SYN to each port, some at a time: a slow machine answers as it can, and who floods it hears nothing. */
async function scan(stranger: Neighbour): Promise<void> {
  for (let round = 0; round < ROUNDS; round++)
    for (let first = 1; first <= PORTS_MAX; first += CHUNK) {
      const count = Math.min(CHUNK, PORTS_MAX - first + 1)
      const frames = Array.from(
        { length: count },
        (_, i) =>
        tcp({ src: STRANGER, dest: BOX, srcPort: 40_000 + round, destPort: first + i }, { seq: 1, flags: TCP.SYN }), // biome-ignore format: one line
      )
      const before = stranger.heardInAll
      await stranger.send(frames, BOX)
      const answered = () => stranger.heardInAll - before >= count
      await until(answered, 'answers', CHUNK_MS_MAX).catch(() => undefined) // what is dropped is never answered
    }
}

/** Until no answer has come for a while. */
async function quiet(stranger: Neighbour): Promise<void> {
  let count = -1
  let since = Date.now()
  await until(
    () => {
      if (stranger.arrived.length !== count) since = Date.now()
      count = stranger.arrived.length
      return Date.now() - since > SILENT_MS
    },
    'the answers end',
    ANSWERED_MS_MAX,
  )
}
