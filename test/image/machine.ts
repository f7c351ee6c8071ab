/**
 * A box of plain hardware: firmware, an NVMe disk, a TPM, a watchdog, two network ports, a screen and a serial
 * console. Without KVM it is some twenty times slower than real, so every wait is generous and none is a sleep.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  copyFileSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
} from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../link/free-port.ts'
import { Chance } from '../traffic/chance.ts'
import { until } from '../traffic/three-networks.ts'
import { Disk } from './disk.ts'
import { ForgetfulDisk } from './forgetful-disk.ts'
import { find, findFirmware } from './programs.ts'
import { Qmp } from './qmp.ts'
import { Serial } from './serial.ts'
import { joinRouter, Wire } from './wire.ts'

const PLUGS = ['serial', 'qmp', 'router', 'first', 'second'] as const
type Plug = (typeof PLUGS)[number]

const READY_MS_MAX = 20_000
/** What the box listens on for browsers. */
export const HTTPS_PORT = 8443
/** Model names that QEMU emulates in software; what it lacks of them is left out, else it says so at each start. */
const SLOW_CPU = 'Haswell,-pcid,-hle,-rtm,-x2apic,-tsc-deadline,-invpcid,-spec-ctrl'

export interface MachineOptions {
  /** disk.raw: read, never written. */
  base: string
  memoryMiB?: number
  /** Without it there is no TPM in the machine. */
  tpm?: boolean
  firmwareStrings?: readonly string[]
  /** What of the disk's cache is lost when the power goes. */
  seed?: number
  /** The hardware clock, as QEMU takes it: `2001-01-01T00:00:00`. */
  clock?: string
}

export class Machine {
  readonly folder: string
  readonly disk: Disk
  /** How the disk is reached while the machine is on. */
  readonly cache: ForgetfulDisk
  readonly serial = new Serial()
  /** The first port: a network with a router, which this process is on too. */
  readonly uplink = new Wire()
  /** Gives out an address, and leads to the pages from here; nothing that the box sends leaves this machine by it. */
  readonly #router = new Wire()
  /** The second port: this process is its whole wire. */
  readonly second = new Wire()
  /** Where the pages of the box are, from here. */
  readonly httpsPort: number
  /** Strings that the firmware hands on from the next start (SMBIOS type 11). */
  firmwareStrings: readonly string[]
  readonly #options: MachineOptions
  readonly #chance: Chance
  readonly #servers: Record<Plug, Server>
  #plugged: Partial<Record<Plug, (socket: Socket) => void>> = {}
  #qmp: Qmp | undefined
  #children: ChildProcess[] = []

  private constructor(folder: string, options: MachineOptions, httpsPort: number) {
    this.folder = folder
    this.#options = options
    this.firmwareStrings = options.firmwareStrings ?? []
    this.httpsPort = httpsPort
    this.disk = Disk.copyOf(options.base, join(folder, 'disk.raw'))
    this.cache = new ForgetfulDisk(this.disk.path, this.#path('nvme'), this.disk.usedBytes)
    this.#chance = new Chance(options.seed ?? 1)
    this.#servers = Object.fromEntries(PLUGS.map((plug) => [plug, this.#socket(plug)])) as Record<
      Plug,
      Server
    >
    joinRouter(this.uplink, this.#router)
  }

  /** Assembled and switched off. */
  static async assemble(options: MachineOptions): Promise<Machine> {
    const folder = mkdtempSync(join(tmpdir(), 'picket-machine-'))
    const firmware = findFirmware()
    if (!firmware) throw new Error('there is no OVMF firmware on this machine')
    copyFileSync(firmware.vars, join(folder, 'vars.fd'))
    mkdirSync(join(folder, 'tpm'), { mode: 0o700 })
    return new Machine(folder, options, await freePort())
  }

  get qmp(): Qmp {
    if (!this.#qmp) throw new Error('the machine is off')
    return this.#qmp
  }

  /** The button is pressed; what it does then is for whoever waits for it. */
  async on(): Promise<void> {
    if (this.#children.length > 0) throw new Error('the machine is on')
    const plugs = Object.fromEntries(PLUGS.map((plug) => [plug, this.#plug(plug)])) as Record<
      Plug,
      Promise<Socket>
    >
    if (this.#options.tpm !== false) await this.#startTpm()
    const qemu = this.#start('qemu-system-x86_64', this.#words())
    const died = new Promise<never>((_, fail) =>
      qemu.once('exit', (code) => fail(new Error(`QEMU ended with ${code}: ${this.folder}/log`))),
    )
    died.catch(() => undefined) // later it is ended by us
    const [serial, control, router, first, second] = await Promise.race([
      Promise.all([plugs.serial, plugs.qmp, plugs.router, plugs.first, plugs.second]),
      died,
    ])
    this.serial.attach(serial)
    this.#router.attach(router)
    this.uplink.attach(first)
    this.second.attach(second)
    this.#qmp = await Qmp.over(control)
    await this.#qmp.ask('cont') // it stood still until all plugs were in: nothing is missed
  }

  /** The power is gone, at once; what the disk was not told to keep may be lost. Says how many sectors were. */
  async cut(): Promise<{ lost: number; of: number }> {
    this.#qmp = undefined
    await Promise.all(this.#children.splice(0).map(ended))
    return this.cache.lose(this.#chance)
  }

  /** What the screen shows, as a picture. */
  async picture(path: string): Promise<void> {
    await this.qmp.ask('screendump', { filename: path, format: 'png' })
  }

  async close(): Promise<void> {
    await this.cut()
    this.cache.close()
    for (const server of Object.values(this.#servers)) server.close()
    if (process.env['PICKET_KEEP'] === undefined)
      rmSync(this.folder, { recursive: true, force: true })
    else process.stderr.write(`kept: ${this.folder}\n`)
  }

  #socket(plug: Plug): Server {
    const server = createServer((socket) => this.#plugged[plug]?.(socket))
    return server.listen(this.#path(plug))
  }

  #path(name: string): string {
    return join(this.folder, `${name}.sock`)
  }

  #plug(plug: Plug): Promise<Socket> {
    return new Promise((done) => {
      this.#plugged[plug] = done
    })
  }

  async #startTpm(): Promise<void> {
    const control = this.#path('tpm')
    rmSync(control, { force: true })
    const state = `dir=${join(this.folder, 'tpm')}`
    const words = ['socket', '--tpm2', '--tpmstate', state, '--ctrl', `type=unixio,path=${control}`]
    const tpm = this.#start('swtpm', [...words, '--terminate'])
    await until(() => existsSync(control) || tpm.exitCode !== null, 'swtpm listens', READY_MS_MAX)
  }

  #start(program: string, words: readonly string[]): ChildProcess {
    const path = find(program)
    if (!path) throw new Error(`there is no ${program} on this machine`)
    // Whatever ends this process ends the machine: nothing is left behind that takes a core.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', path, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const log = createWriteStream(join(this.folder, 'log'), { flags: 'a' })
    child.stdout?.pipe(log, { end: false })
    child.stderr?.pipe(log, { end: false })
    this.#children.push(child)
    return child
  }

  #words(): string[] {
    const { memoryMiB = 2048, clock = 'utc' } = this.#options
    const code = findFirmware()?.code
    return [
      ...['-name', 'picket-test', '-nodefaults', '-no-user-config', '-display', 'none', '-S'],
      ...['-machine', 'q35', '-smp', '2', '-m', String(memoryMiB)],
      ...speed(),
      ...['-rtc', `base=${clock}`, '-uuid', '11111111-2222-3333-4444-555555555555'],
      ...['-drive', `if=pflash,format=raw,readonly=on,file=${code}`],
      ...['-drive', `if=pflash,format=raw,file=${join(this.folder, 'vars.fd')}`],
      // writeback: the machine has a disk with a cache, and its flushes come through to it.
      ...['-drive', `if=none,id=disk,format=raw,cache=writeback,file=nbd+unix:///?socket=${this.#path('nvme')}`], // biome-ignore format: one line
      ...['-device', 'nvme,drive=disk,serial=PICKET0001,bootindex=1'],
      ...this.#network(),
      ...(this.#options.tpm === false ? [] : this.#tpmWords()),
      ...['-device', 'i6300esb', '-action', 'watchdog=reset'],
      ...['-device', 'virtio-rng-pci', '-device', 'VGA'],
      ...this.#line('serial', `,logfile=${join(this.folder, 'serial.log')},logappend=on`),
      ...['-serial', 'chardev:serial'],
      ...this.#line('qmp'),
      ...['-mon', 'chardev=qmp,mode=control'],
      ...this.firmwareStrings.flatMap((text) => ['-smbios', `type=11,value=${text.replaceAll(',', ',,')}`]), // biome-ignore format: one line
    ]
  }

  /** QEMU's router takes every frame for its own, whoever it is for, so it gets no more than a switch would give it. */
  #network(): string[] {
    const forward = `restrict=on,hostfwd=tcp:127.0.0.1:${this.httpsPort}-:${HTTPS_PORT}`
    const stream = (id: Plug) =>
      `stream,id=${id},server=off,addr.type=unix,addr.path=${this.#path(id)}`
    const onHub = (id: string) => ['-netdev', `hubport,id=hub-${id},hubid=0,netdev=${id}`]
    return [
      ...['-netdev', `user,id=slirp,${forward}`, ...onHub('slirp')],
      ...['-netdev', stream('router'), ...onHub('router')],
      ...['-netdev', stream('first')],
      ...['-device', 'virtio-net-pci,netdev=first,romfile=,addr=0x2,mac=52:54:00:00:00:02'],
      ...['-netdev', stream('second')],
      ...['-device', 'e1000e,netdev=second,romfile=,addr=0x3,mac=52:54:00:00:00:03'],
    ]
  }

  #tpmWords(): string[] {
    return [
      ...['-chardev', `socket,id=tpm,path=${this.#path('tpm')}`],
      ...['-tpmdev', 'emulator,id=tpm0,chardev=tpm', '-device', 'tpm-tis,tpmdev=tpm0'],
    ]
  }

  #line(plug: Plug, more = ''): string[] {
    return ['-chardev', `socket,id=${plug},server=off,path=${this.#path(plug)}${more}`]
  }
}

/** KVM is taken only where somebody says that it works: on some hosts OVMF does not start under it. */
function speed(): string[] {
  if (process.env['PICKET_ACCEL'] === 'kvm') return ['-accel', 'kvm', '-cpu', 'host']
  return ['-accel', 'tcg,thread=multi,tb-size=512', '-cpu', SLOW_CPU]
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  const gone = new Promise<void>((done) => child.once('exit', () => done()))
  child.kill('SIGKILL')
  return gone
}
