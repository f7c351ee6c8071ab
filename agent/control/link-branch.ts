/** One tenant of this box that has uplinks: its outbox, its window, a sender for each receiver. */
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { Cursors } from '../link/cursors.ts'
import { Outbox } from '../link/outbox.ts'
import { Sender } from '../link/sender.ts'
import type { UplinkView } from '../summary/fleet-view.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import type { LinkFacts } from './link-facts.ts'
import type { LinkKeys, Uplink } from './link-keys.ts'
import { LinkWindow } from './link-window.ts'

export interface BranchOptions {
  data: string
  tenant: Tenant
  periodSeconds: number
  facts: Pick<LinkFacts, 'collect'>
  keys: Pick<LinkKeys, 'queueKey' | 'sign'>
  clock: Clock
  log: Log
}

export class LinkBranch {
  readonly #options: BranchOptions
  readonly #cursors: Cursors
  readonly #outbox: Outbox
  readonly #window: LinkWindow
  readonly #senders = new Map<string, Sender>()

  private constructor(options: BranchOptions, cursors: Cursors, outbox: Outbox) {
    this.#options = options
    this.#cursors = cursors
    this.#outbox = outbox
    this.#window = new LinkWindow({
      ...options,
      folder: folderOf(options),
      outbox,
      onSummary: () => {
        for (const sender of this.#senders.values()) sender.wake()
      },
    })
  }

  static async open(options: BranchOptions): Promise<LinkBranch> {
    const { tenant, keys, clock, log } = options
    const { tenant_uid } = tenant
    const folder = folderOf(options)
    const cursors = new Cursors(join(folder, 'uplinks.json'))
    if (cursors.damaged) log.error({ file: 'uplinks.json' }, 'outbox.cursors-damaged')
    const outbox = await Outbox.open({
      ...{ folder: join(folder, 'outbox'), cursors, tenant_uid, clock, log },
      key: async (epoch) => {
        const answer = await keys.queueKey({ tenant_uid, ...(epoch ? { epoch } : {}) })
        return { epoch: answer.epoch, key: Buffer.from(answer.key, 'base64') }
      },
    })
    return new LinkBranch(options, cursors, outbox)
  }

  start(): void {
    this.#window.start()
  }

  /** The uplinks there are now. A new one begins a new epoch: its receiver may have refused the rest of the old one. */
  async setUplinks(uplinks: readonly Uplink[]): Promise<void> {
    const ids = uplinks.map(({ uplink_id }) => uplink_id)
    const isNew = ids.some((id) => !this.#cursors.has(id))
    const epoch =
      isNew && this.#outbox.sequence > 0 ? this.#outbox.beginEpoch() : this.#outbox.epoch
    this.#cursors.keep(ids, epoch)
    for (const [id, sender] of this.#senders)
      if (!ids.includes(id)) {
        this.#senders.delete(id)
        await sender.stop()
      }
    for (const uplink of uplinks) {
      const sender = this.#senders.get(uplink.uplink_id)
      if (sender) sender.change(uplink)
      else this.#open(uplink)
    }
    if (isNew) this.#window.now()
  }

  #open(uplink: Uplink): void {
    const { tenant, keys, clock, log } = this.#options
    const sender = new Sender(uplink, {
      appliance_id: tenant.appliance_id,
      outbox: this.#outbox,
      sign: (type, body) => keys.sign({ type, body }),
      clock,
      log: log.child({ uplink: uplink.uplink_id }),
    })
    this.#senders.set(uplink.uplink_id, sender)
    sender.start()
  }

  views(): UplinkView[] {
    const fault = this.#window.fault ?? this.#cursors.fault
    return [...this.#senders.values()].map((sender) => {
      const view = sender.view()
      return { ...view, because: fault ?? view.because }
    })
  }

  async close(): Promise<void> {
    await this.#window.stop()
    await Promise.all([...this.#senders.values()].map((sender) => sender.stop()))
  }
}

function folderOf({ data, tenant }: BranchOptions): string {
  return join(data, 'link', 'sends', tenant.tenant_uid)
}
