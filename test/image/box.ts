/** A box of the image on its hardware: switched on, claimed by its console's code, asked through its pages. */
import { expect } from 'vitest'
import { until } from '../traffic/three-networks.ts'
import type { Built } from './built.ts'
import { Esp } from './esp.ts'
import { Machine, type MachineOptions } from './machine.ts'
import { Pages } from './pages.ts'
import { BOOT_MS_MAX, SAID } from './said.ts'

const PASSWORD = 'seven quiet herons'
const NAME = 'admin'
const ANSWERS_MS_MAX = 600_000
const PAUSE_MS = 500

export class Box {
  readonly machine: Machine
  readonly pages: Pages

  private constructor(machine: Machine) {
    this.machine = machine
    this.pages = new Pages(machine.httpsPort)
  }

  static async assemble({ disk }: Built, options: Omit<MachineOptions, 'base'> = {}): Promise<Box> {
    return new Box(await Machine.assemble({ base: disk, ...options }))
  }

  /** On, and its console says that nobody has claimed it. Gives the code. */
  async firstBoot(): Promise<string> {
    await this.machine.on()
    return this.codeShown()
  }

  async codeShown(): Promise<string> {
    const found = await this.machine.serial.expect(SAID.code, BOOT_MS_MAX)
    return found[1] as string
  }

  /** The code of the console opens the door once; the certificate is the one that the console shows. */
  async claim(code: string): Promise<void> {
    await this.answers()
    const [, first, second] = await this.machine.serial.expect(SAID.fingerprint, ANSWERS_MS_MAX)
    expect(this.pages.fingerprint).toBe(`${first}${second}`)
    await this.pages.claim(code, PASSWORD)
  }

  /** On again, and signed in with the password of the first time. */
  async boot(): Promise<void> {
    this.machine.serial.mark()
    await this.machine.on()
    await this.machine.serial.expect(SAID.fingerprint, BOOT_MS_MAX)
    await this.signIn()
  }

  async signIn(): Promise<void> {
    await this.answers()
    await this.asked('the password opens the door', async () => {
      const { status } = await this.pages.login(NAME, PASSWORD)
      return status === 303 ? true : undefined
    })
  }

  /** Until the pages are served at all. */
  answers(): Promise<unknown> {
    return this.asked('the pages are served', async () => {
      const { status } = await this.pages.get('/healthz')
      return status === 200 ? true : undefined
    })
  }

  /** Its programs have done their duty for a while, so the loader no longer counts this start. */
  async blessed(): Promise<void> {
    await this.asked('the start is blessed', async () => {
      const images = new Esp(this.machine.disk).within('/EFI/Linux')
      // Whole: what takes the count away leaves nothing else behind when it is through.
      return images.length === 1 && images.every((path) => !path.includes('+')) ? true : undefined
    })
    await this.flushed()
  }

  /** What the disk has now no cut takes back. */
  flushed(): Promise<void> {
    const { cache } = this.machine
    const { flushes } = cache
    return until(() => cache.flushes > flushes, 'the disk is flushed', ANSWERS_MS_MAX)
  }

  /** What `ask` gives once it gives something; a box that is busy or not up yet is asked again. */
  async asked<T>(
    what: string,
    ask: () => Promise<T | undefined>,
    waitMs = ANSWERS_MS_MAX,
  ): Promise<T> {
    let found: T | undefined
    let last: unknown
    let nextAt = 0
    const is = async () => {
      if (Date.now() < nextAt) return false
      try {
        found = await ask()
      } catch (error) {
        last = error
      }
      nextAt = Date.now() + PAUSE_MS
      return found !== undefined
    }
    await until(is, what, waitMs).catch((error: Error) => {
      throw new Error(`${error.message}: ${last ?? 'nothing'}\n${this.machine.serial.last()}`)
    })
    return found as T
  }

  close(): Promise<void> {
    return this.machine.close()
  }
}
