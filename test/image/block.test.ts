/** Containment with the privileges that it has on the box: the guard's unit puts a block into the kernel, and traffic stops. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TCP } from '../../agent/decode/packet.ts'
import { type Ends, tcp } from '../traffic/frames.ts'
import { exploit, RULE } from './attack.ts'
import { Box } from './box.ts'
import { built } from './built.ts'
import { install } from './hook.ts'
import { Neighbour } from './neighbour.ts'
import { BOOT_MS_MAX } from './said.ts'
import { Ukify } from './uki.ts'

/** The box is the gateway of the second port's network; the asset is a neighbour on the first. */
const GATEWAY = '10.20.0.1'
const ATTACKER = '10.20.0.66'
const OTHER = '10.20.0.67'
const BOX = '10.0.2.15'
const ASSET = '10.0.2.77'
const STOPPED_MS_MAX = 60_000
const SILENT_MS = 8_000

/** A gateway cannot be ordered at the console, only a bridge: the setting and the address are made from inside. */
const IN_THE_LINE = [
  'until systemctl -q is-active picket-agent; do sleep 1; done',
  'systemctl stop picket-network.path; cd /var/lib/picket',
  `sed -i 's/"network": *{/&"placement":"gateway",/' config.json`,
  `ip link set enp0s3 up arp on; ip addr add ${GATEWAY}/24 dev enp0s3`,
  'sysctl -qw net.ipv4.ip_forward=1',
  'systemctl restart picket-guard picket-agent; say IN-THE-LINE',
].join('; ')

interface Action {
  action_id: string
  hash: string
  target: string
  state: string
  packets?: number
}

const image = await built()

describe.skipIf(!image)('a box in the line', () => {
  let box: Box
  let attacker: Neighbour
  let other: Neighbour
  let asset: Neighbour
  beforeAll(async () => {
    if (!image) return
    box = await Box.assemble(image)
    const hook = { ukify: new Ukify(image.tools), pcrKey: image.pcrKey, script: IN_THE_LINE }
    install(box.machine, hook)
    const code = await box.firstBoot()
    await box.machine.serial.expect(/^IN-THE-LINE/m, BOOT_MS_MAX)
    await box.claim(code)
    const { second, uplink } = box.machine
    attacker = new Neighbour(second, ATTACKER)
    other = new Neighbour(second, OTHER)
    asset = new Neighbour(uplink, ASSET)
    for (const host of [attacker, other]) await host.meets(GATEWAY)
    await asset.meets(BOX)
  })
  afterAll(() => box?.close())

  test('a block that a person approves stops the attacker and nobody else; undone, it goes on', async () => {
    await tries(attacker, 5001)
    await asset.hears(from(ATTACKER, 5001), 'the attacker')
    await attacker.send(exploit({ src: ATTACKER, dest: ASSET, srcPort: 40_001 }), GATEWAY)
    await box.asked('the finding', async () => {
      const { rows } = await box.pages.json<{ rows: { rule_id: string }[] }>('/api/findings')
      return rows.find(({ rule_id }) => rule_id === RULE)
    })
    const proposed = await box.asked('a proposal', () => actionOn(box, 'proposed'))
    await decide(box, 'approve', proposed)
    await box.asked('the block is in force', () => actionOn(box, 'active'))

    await tries(attacker, 5002)
    await tries(other, 5003)
    await asset.hears(from(OTHER, 5003), 'another')
    await expect(asset.hears(from(ATTACKER, 5002), 'nobody', SILENT_MS)).rejects.toThrow()
    const stopped = async () => {
      const action = await actionOn(box, 'active')
      return action?.packets ? action : undefined
    }
    const active = await box.asked('the kernel counts what it stopped', stopped, STOPPED_MS_MAX)

    await decide(box, 'undo', active)
    await box.asked('it is undone', () => actionOn(box, 'undone'))
    await tries(attacker, 5004)
    await asset.hears(from(ATTACKER, 5004), 'the attacker again')
  })
})

async function tries(host: Neighbour, srcPort: number): Promise<void> {
  const ends: Ends = { src: host.address, dest: ASSET, srcPort, destPort: 80 }
  await host.send([tcp(ends, { seq: 1, flags: TCP.SYN })], GATEWAY)
}

function from(src: string, srcPort: number) {
  return (packet: { src: string; srcPort: number }) =>
    packet.src === src && packet.srcPort === srcPort
}

async function actionOn({ pages }: Box, state: string): Promise<Action | undefined> {
  const { rows } = await pages.json<{ rows: Action[] }>('/api/actions')
  return rows.find((each) => each.target === ATTACKER && each.state === state)
}

async function decide({ pages }: Box, verb: string, action: Action): Promise<void> {
  const only = `${action.action_id}.${action.hash}`
  const { status, text } = await pages.post(`/actions/${verb}`, { only }, '/actions')
  if (status !== 303) throw new Error(`${verb} was answered with ${status}: ${text.slice(0, 300)}`)
}
