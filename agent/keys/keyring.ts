/**
 * Every key of a box, unwrapped once at start: root (custodian) → KEK per tenant → DEK per epoch →
 * layer subkeys. On disk under `<data>/keys/wrapped/<root generation>/`:
 * `box/<name>.json`, `tenants/<uid>/kek.json`, `tenants/<uid>/dek-<epoch>.json`.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../base/failure.ts'
import { syncFolder } from '../base/files.ts'
import { UID } from '../base/ids.ts'
import { Acknowledged } from './acknowledged.ts'
import { Anchors } from './anchors.ts'
import type { Custodian, CustodianFacts } from './custodian.ts'
import { KEY_BYTES, type Layer, layerKey } from './derive.ts'
import { makeGeneration, newDek, writeBox, writeTenant } from './generation.ts'
import { Usage } from './usage.ts'
import { type Dek, readDek, readSecret, secretAad, writeDek } from './wrapped-file.ts'

const UNWRAP_MS_MAX = 10_000 // a custodian across the network that is slower is treated as away
const DEK_NAME = /^dek-([1-9]\d{0,6})\.json$/
const BOX_NAME = /^[a-z][a-z-]{0,30}$/

/** An opened tenant, or why it cannot be opened; one locked tenant stops no other. */
interface TenantKeys {
  kek?: Buffer
  /** Why the KEK does not open. */
  locked?: Failure
  epochs: Map<number, Dek | Failure>
}

export interface KeyringOptions {
  /** `<data>/keys`. */
  folder: string
  custodian: Custodian
  /** How long a custodian may take for one key. */
  unwrapMs?: number
}

export class Keyring {
  readonly usage: Usage
  readonly anchors: Anchors
  readonly acknowledged = new Acknowledged()
  readonly #folder: string
  #custodian: Custodian
  readonly #unwrapMs: number
  readonly #box = new Map<string, Buffer>()
  readonly #tenants = new Map<string, TenantKeys>()

  private constructor({ folder, custodian, unwrapMs = UNWRAP_MS_MAX }: KeyringOptions) {
    this.#folder = folder
    this.#custodian = custodian
    this.#unwrapMs = unwrapMs
    this.usage = new Usage(join(folder, 'usage'))
    this.anchors = new Anchors(join(folder, 'anchors'))
  }

  /** Reads and unwraps all there is; then removes the left-overs of an interrupted re-wrap. */
  static async open(options: KeyringOptions): Promise<Keyring> {
    const ring = new Keyring(options)
    ring.#refuseOtherGeneration()
    makeGeneration(ring.#rootFolder())
    for (const file of readdirSync(ring.#boxFolder()).filter((name) => name.endsWith('.json'))) {
      const name = file.slice(0, -5)
      ring.#box.set(name, await ring.#read(join(ring.#boxFolder(), file), `box/${name}`))
    }
    const uids = readdirSync(ring.#tenantsFolder()).filter((name) => UID.test(name))
    await Promise.all(uids.map(async (uid) => ring.#tenants.set(uid, await ring.#openTenant(uid))))
    ring.#sweep()
    return ring
  }

  describe(): CustodianFacts {
    return this.#custodian.describe()
  }

  /** Tenant uids that have key files, open or locked. */
  tenants(): string[] {
    return [...this.#tenants.keys()]
  }

  /** A secret of the box itself (platform.db, signing keys), made at its first use. */
  async box(name: string): Promise<Buffer> {
    if (!BOX_NAME.test(name)) throw new Error(`no such box key: ${name}`)
    const known = this.#box.get(name)
    if (known) return known
    const secret = randomBytes(KEY_BYTES)
    await writeBox(this.#rootFolder(), this.#custodian, name, secret)
    this.#box.set(name, secret)
    return secret
  }

  hasBox(name: string): boolean {
    return this.#box.has(name)
  }

  /** New KEK and epoch 1. The tenant counts only once its row stands in platform.db. */
  async addTenant(uid: string, nowUs: number): Promise<void> {
    if (!UID.test(uid) || this.#tenants.has(uid)) throw new Error(`tenant keys exist: ${uid}`)
    const kek = randomBytes(KEY_BYTES)
    const dek = newDek(1, nowUs)
    await writeTenant(this.#rootFolder(), this.#custodian, uid, { kek, deks: [dek] })
    this.#tenants.set(uid, { kek, epochs: new Map([[1, dek]]) })
  }

  /** Removes key files that no tenant row names: what an interrupted init left behind. */
  forgetTenant(uid: string): void {
    rmSync(this.#tenantFolder(uid), { recursive: true, force: true })
    syncFolder(this.#tenantsFolder())
    this.#tenants.delete(uid)
  }

  /** Rotation: what is written from now on has a new DEK; older epochs stay readable. */
  addEpoch(uid: string, nowUs: number): number {
    const { kek, epochs } = this.#unlocked(uid)
    const dek = newDek(Math.max(0, ...epochs.keys()) + 1, nowUs)
    const path = join(this.#tenantFolder(uid), `dek-${dek.epoch}.json`)
    writeDek(path, uid, dek, kek, this.describe())
    epochs.set(dek.epoch, dek)
    return dek.epoch
  }

  /** The epoch to write with; a new one when the present is 90 days old or used up (D6). */
  writingEpoch(uid: string, nowUs: number): number {
    const latest = Math.max(...this.#unlocked(uid).epochs.keys())
    return this.isWritable(uid, latest, nowUs) ? latest : this.addEpoch(uid, nowUs)
  }

  /** Only the latest epoch, within its time and its count. */
  isWritable(uid: string, epoch: number, nowUs: number): boolean {
    const { notAfter } = this.#dek(uid, epoch)
    const latest = epoch === Math.max(...this.#unlocked(uid).epochs.keys())
    return latest && nowUs <= notAfter && !this.usage.isUsedUp(uid, epoch)
  }

  layer(uid: string, epoch: number, layer: Layer, purpose?: string): Buffer {
    return layerKey(this.#dek(uid, epoch).key, uid, layer, purpose)
  }

  /** Facts for people: ids, epochs, counters. No key and no check value. */
  inventory(uid: string) {
    const tenant = this.#tenants.get(uid)
    const epochs = [...(tenant?.epochs ?? [])].map(([epoch, dek]) => ({
      epoch,
      ...(dek instanceof Failure
        ? { locked: dek.message }
        : { notBefore: dek.notBefore, notAfter: dek.notAfter }),
      ...this.usage.of(uid, epoch),
    }))
    return { tenant_uid: uid, locked: tenant?.locked?.message ?? null, epochs }
  }

  /**
   * A new root generation (D10): everything is wrapped anew beside the old, fsynced, and one rename
   * switches. Killed at any write, either the old or the new generation opens everything.
   */
  async rewrap(): Promise<number> {
    const tenants = [...this.#tenants.keys()].map((uid) => {
      const { kek, epochs } = this.#unlocked(uid)
      return { uid, kek, deks: [...epochs.keys()].map((epoch) => this.#dek(uid, epoch)) }
    })
    const old = this.#rootFolder()
    const successor = await this.#custodian.succeed()
    const next = this.#generationFolder(successor.describe().generation)
    rmSync(next, { recursive: true, force: true })
    makeGeneration(next)
    for (const [name, secret] of this.#box) await writeBox(next, successor, name, secret)
    for (const { uid, kek, deks } of tenants) await writeTenant(next, successor, uid, { kek, deks })
    syncFolder(next)
    syncFolder(join(this.#folder, 'wrapped'))
    this.#custodian = await successor.adopt()
    rmSync(old, { recursive: true, force: true })
    return this.describe().generation
  }

  #read(path: string, owner: string): Promise<Buffer> {
    const context = secretAad(owner, this.describe())
    return readSecret(path, owner, (wrapped) =>
      within(this.#unwrapMs, this.#custodian.unwrap(wrapped, context)),
    )
  }

  async #openTenant(uid: string): Promise<TenantKeys> {
    const folder = this.#tenantFolder(uid)
    const epochs = new Map<number, Dek | Failure>()
    try {
      const kek = await this.#read(join(folder, 'kek.json'), uid)
      for (const name of readdirSync(folder)) {
        const epoch = Number(DEK_NAME.exec(name)?.[1])
        if (epoch)
          epochs.set(epoch, this.#openDek(join(folder, name), { tenantUid: uid, epoch }, kek))
      }
      if (epochs.size === 0)
        throw new Failure('refused', `${folder} holds no data key: the tenant stays locked.`)
      return { kek, epochs }
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      return { locked: error, epochs }
    }
  }

  #openDek(
    path: string,
    expected: { tenantUid: string; epoch: number },
    kek: Buffer,
  ): Dek | Failure {
    try {
      return readDek(path, expected, kek, this.describe())
    } catch (error) {
      if (error instanceof Failure) return error
      throw error
    }
  }

  #unlocked(uid: string): { kek: Buffer; epochs: TenantKeys['epochs'] } {
    const tenant = this.#tenants.get(uid)
    if (!tenant) throw new Failure('refused', 'There are no keys for that tenant on this box.')
    if (!tenant.kek) throw tenant.locked as Failure
    return { kek: tenant.kek, epochs: tenant.epochs }
  }

  #dek(uid: string, epoch: number): Dek {
    const dek = this.#unlocked(uid).epochs.get(epoch)
    if (!dek)
      throw new Failure('refused', `There is no key epoch ${epoch} for that tenant on this box.`)
    if (dek instanceof Failure) throw dek
    return dek
  }

  #otherGenerations(): string[] {
    const wrapped = join(this.#folder, 'wrapped')
    if (!existsSync(wrapped)) return []
    return readdirSync(wrapped).filter((name) => name !== String(this.describe().generation))
  }

  #refuseOtherGeneration(): void {
    if (existsSync(this.#rootFolder()) || this.#otherGenerations().length === 0) return
    throw new Failure(
      'refused',
      `The root key is of generation ${this.describe().generation}, but ${this.#folder}/wrapped holds only others. Put the root key and the wrapped keys of one moment back together.`,
    )
  }

  /** A re-wrap that died left another generation. It goes only once the present one has opened whole. */
  #sweep(): void {
    if ([...this.#tenants.values()].some(({ locked }) => locked)) return
    for (const name of this.#otherGenerations())
      rmSync(join(this.#folder, 'wrapped', name), { recursive: true, force: true })
  }

  #generationFolder(generation: number): string {
    return join(this.#folder, 'wrapped', String(generation))
  }
  #rootFolder(): string {
    return this.#generationFolder(this.describe().generation)
  }
  #boxFolder(): string {
    return join(this.#rootFolder(), 'box')
  }
  #tenantsFolder(): string {
    return join(this.#rootFolder(), 'tenants')
  }
  #tenantFolder(uid: string): string {
    return join(this.#tenantsFolder(), uid)
  }
}

function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const late = new Failure(
    'unavailable',
    `The custodian of the keys did not answer within ${ms} ms.`,
  )
  const timer = setTimeout(() => reject(late), ms)
  return Promise.race([answer, promise]).finally(() => clearTimeout(timer))
}
