/** What a machine is made of, by /sys and /proc alone: no program is started and nothing is written. `root` is another tree in a test. */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'

const ENTRIES_MAX = 256
const TEXT_BYTES_MAX = 256
const PCI = /\/pci[0-9a-f:]+\/([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\//

export interface NetworkPort {
  name: string
  mac: string
  driver: string
  /** Slot below the host bridge; nothing for one on another bus. */
  pci?: string
  hasLink: boolean
  /** Of the link; nothing where the driver does not say. */
  megabits?: number
}

export interface NvmeDisk {
  name: string
  model: string
  bytes: number
  celsius?: number
  /** The drive says that it is too warm, now. */
  isTooWarm?: boolean
}

export interface MachineFacts {
  vendor: string
  product: string
  memoryBytes: number
  processors: number
  ports: NetworkPort[]
  nvme: NvmeDisk[]
  /** Major version; 0: none. */
  tpm: number
  watchdogs: string[]
  /** Warmest first. */
  sensors: { name: string; celsius: number }[]
  /** Times that a processor was slowed for heat since it was switched on; nothing where it does not count. */
  throttled?: number
  serial: string[]
}

export function machineFacts(root = '/'): MachineFacts {
  const sys = (...path: string[]) => join(root, 'sys', ...path)
  const throttled = throttleCount(sys('devices/system/cpu'))
  return {
    vendor: text(sys('class/dmi/id/sys_vendor')),
    product: text(sys('class/dmi/id/product_name')),
    memoryBytes: memoryBytes(join(root, 'proc/meminfo')),
    processors: names(sys('devices/system/cpu')).filter((name) => /^cpu\d+$/.test(name)).length,
    ports: ports(sys('class/net')),
    nvme: names(sys('class/nvme')).map((name) => nvmeDisk(sys('class/nvme', name), name)),
    tpm: Number(text(sys('class/tpm/tpm0/tpm_version_major'))) || (names(sys('class/tpm')).length > 0 ? 1 : 0), // biome-ignore format: one line
    watchdogs: names(sys('class/watchdog')).map((name) => text(sys('class/watchdog', name, 'identity')) || name), // biome-ignore format: one line
    sensors: sensors(sys('class/thermal')),
    ...(throttled !== undefined && { throttled }),
    // One that is only a number without a port behind it has type 0.
    serial: names(sys('class/tty')).filter((name) => /^ttyS\d+$/.test(name) && !['', '0'].includes(text(sys('class/tty', name, 'type')))), // biome-ignore format: one line
  }
}

/** In the order of their slots, so that the first is the first of the case. */
function ports(folder: string): NetworkPort[] {
  const found = names(folder).flatMap((name) => {
    const at = join(folder, name)
    const device = real(join(at, 'device'))
    if (device === undefined) return [] // loopback, bridges, tunnels: nothing to plug a cable into
    const [, pci] = PCI.exec(`${device}/`) ?? []
    const speed = Number(text(join(at, 'speed')))
    return [
      {
        name,
        mac: text(join(at, 'address')),
        driver: (link(join(at, 'device/driver')) ?? '').split('/').at(-1) ?? '',
        ...(pci !== undefined && { pci }),
        hasLink: text(join(at, 'carrier')) === '1',
        ...(speed > 0 && { megabits: speed }),
        order: device,
      },
    ]
  })
  found.sort((a, b) => (a.order < b.order ? -1 : 1))
  return found.map(({ order: _, ...port }) => port)
}

function nvmeDisk(folder: string, name: string): NvmeDisk {
  const [monitor] = names(folder).filter((each) => /^hwmon\d+$/.test(each))
  const inside = names(join(folder, 'hwmon'))
  const at = monitor ? join(folder, monitor) : join(folder, 'hwmon', inside[0] ?? '')
  const milli = text(join(at, 'temp1_input'))
  const alarm = text(join(at, 'temp1_alarm'))
  const space = names(folder).find((each) => /^nvme\d+(c\d+)?n\d+$/.test(each))
  return {
    name,
    model: text(join(folder, 'model')),
    bytes: space ? Number(text(join(folder, space, 'size'))) * 512 : 0,
    ...(milli !== '' && { celsius: Math.round(Number(milli) / 1000) }),
    ...(alarm !== '' && { isTooWarm: alarm === '1' }),
  }
}

function sensors(folder: string): MachineFacts['sensors'] {
  const found = names(folder)
    .filter((name) => name.startsWith('thermal_zone'))
    .map((name) => ({ name: text(join(folder, name, 'type')) || name, celsius: Math.round(Number(text(join(folder, name, 'temp'))) / 1000) })) // biome-ignore format: one line
  return found.sort((a, b) => b.celsius - a.celsius)
}

function throttleCount(folder: string): number | undefined {
  const counts = names(folder).flatMap((name) => {
    const count = text(join(folder, name, 'thermal_throttle/package_throttle_count'))
    return count === '' ? [] : [Number(count)]
  })
  return counts.length === 0 ? undefined : Math.max(...counts)
}

function memoryBytes(file: string): number {
  const [, kibibytes = '0'] = /^MemTotal:\s+(\d+) kB/m.exec(contents(file, 4096)) ?? []
  return Number(kibibytes) * 1024
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort().slice(0, ENTRIES_MAX)
  } catch {
    return []
  }
}

/** One line, without what a terminal would obey: firmware writes it. */
function text(file: string): string {
  return contents(file, TEXT_BYTES_MAX)
    .replace(/\p{Cc}/gu, ' ')
    .trim()
}

function contents(file: string, bytesMax: number): string {
  try {
    return readFileSync(file, 'utf8').slice(0, bytesMax)
  } catch {
    return ''
  }
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
