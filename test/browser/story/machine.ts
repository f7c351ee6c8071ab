/** The box that the story runs on, by one of the shipped profiles; on another day it is hot, worn and unknown. */
import { shippedProfiles } from '../../../agent/hardware-on-disk.ts'
import { type ChosenPorts, roleNow, viewHardware } from '../../../agent/health/hardware.ts'
import type { MachineFacts } from '../../../agent/health/machine-facts.ts'
import type { DriveHealth, MachineView } from '../../../web/base/ports.ts'
import { MIN, NOW_US } from './scene.ts'

const CHOSEN: ChosenPorts = { capture: ['line0', 'enp4s0'], management: 'enp1s0', line: ['enp2s0', 'enp3s0'] } // biome-ignore format: one line
const port = (n: number, hasLink: boolean) => ({
  ...{ name: `enp${n}s0`, mac: `00:e2:69:5a:10:0${n}`, driver: 'igc', pci: `0000:0${n}:00.0` },
  ...{ hasLink, ...(hasLink && { megabits: n === 1 ? 1000 : 2500 }) },
})

const FACTS: MachineFacts = {
  ...{ vendor: 'Protectli', product: 'VP2420', memoryBytes: 16 * 2 ** 30, processors: 4 },
  ports: [port(1, true), port(2, true), port(3, true), port(4, false)],
  nvme: [{ name: 'nvme0', model: 'KINGSTON SNV2S1000G', bytes: 1e12, celsius: 44, isTooWarm: false }], // biome-ignore format: one line
  tpm: 2,
  watchdogs: ['iTCO_wdt'],
  sensors: [
    { name: 'x86_pkg_temp', celsius: 57 },
    { name: 'pch_cannonlake', celsius: 49 },
    { name: 'acpitz', celsius: 28 },
  ],
  throttled: 0,
  serial: ['ttyS0'],
}

const DRIVE: DriveHealth = {
  ...{ device: 'nvme0', warnings: [], celsius: 44, sparePercent: 100, spareThresholdPercent: 10 },
  ...{ usedPercent: 11, bytesWritten: 38.4e12, powerOnHours: 8_112, unsafeShutdowns: 6 },
  ...{ mediaErrors: 0, warmMinutes: 0, throttled: 0 },
}

function seen(facts: MachineFacts, drives: DriveHealth[]): MachineView {
  const view = viewHardware(facts, shippedProfiles())
  const ports = view.ports.map((each) => ({ ...each, now: roleNow(each, CHOSEN) }))
  return { ...view, ports, drives, drivesAt: NOW_US - 12 * MIN }
}

export const storyMachine = (): MachineView => seen(FACTS, [DRIVE])

export function wornMachine(): MachineView {
  const [disk] = FACTS.nvme
  const facts = {
    ...{ ...FACTS, vendor: 'Nobody', product: 'Knows 9000', throttled: 17, tpm: 0, watchdogs: [] },
    ports: [...FACTS.ports, ...[5, 6, 7, 8].map((n) => port(n, n > 6))],
    nvme: disk
      ? [
          { ...disk, celsius: 84, isTooWarm: true },
          { ...disk, name: 'nvme1' },
        ]
      : [],
    sensors: Array.from({ length: 14 }, (_, i) => ({ name: `core ${i}`, celsius: 99 - i })),
  }
  return seen(facts, [{ ...DRIVE, warnings: ['spare low', 'too warm'], celsius: 84, usedPercent: 104, sparePercent: 8, mediaErrors: 3, warmMinutes: 412, throttled: 29 }]) // biome-ignore format: one line
}

/** Nothing in it that this page is about: a virtual machine without a drive of that kind, a sensor or a port. */
export function bareMachine(): MachineView {
  const facts = { ...FACTS, vendor: '', product: '', ports: [], nvme: [], sensors: [], tpm: 0, watchdogs: [], serial: [] } // biome-ignore format: one line
  const { throttled: _, ...uncounted } = facts
  return { ...seen(uncounted, []), drivesAt: null }
}
