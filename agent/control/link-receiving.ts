/** Fleet Command's end: broker or a client of one, receiver, log, door. Made while this box is a primary, ended without a restart. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../base/clock.ts'
import type { Config } from '../base/config.ts'
import type { Log } from '../base/log.ts'
import type { Envelope } from '../base/signing.ts'
import { Broker } from '../link/broker.ts'
import { Door } from '../link/door.ts'
import { ExternalBroker } from '../link/external-broker.ts'
import { RETENTION_DAYS } from '../link/limits.ts'
import { ReceivedLog } from '../link/received.ts'
import { envelopesOf, listReceived, type ReceivedSummary } from '../link/received-list.ts'
import { Receiver } from '../link/receiver.ts'
import type { TopicsCheck } from '../link/topics-seen.ts'
import type { Credentials, Memberships, Take, Transport } from '../link/transport.ts'
import type { LinkKeys, Member, Primary } from './link-keys.ts'

const RETAIN_MS = 3_600_000

export interface ReceivingOptions {
  data: string
  fleet: Config['fleet']
  keys: LinkKeys
  clock: Clock
  log: Log
  changed(tenant_id: string): void
  /** Members changed at the door; resolves when they are known here. */
  joined(): Promise<void>
}

export class LinkReceiving {
  readonly primary: Primary
  readonly receiver: Receiver
  readonly #options: ReceivingOptions
  readonly #log: ReceivedLog
  #transport: Transport | undefined
  #door: Door | undefined
  #credentials = ''
  #timer: NodeJS.Timeout | undefined

  private constructor(
    options: ReceivingOptions,
    primary: Primary,
    { receiver, log }: { receiver: Receiver; log: ReceivedLog },
  ) {
    this.#options = options
    this.primary = primary
    this.receiver = receiver
    this.#log = log
  }

  static async open(
    options: ReceivingOptions,
    primary: Primary,
    members: readonly Member[],
  ): Promise<LinkReceiving> {
    const { data, keys, clock, log, changed } = options
    const folder = join(data, 'link', 'receives', primary.fleet_uid)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const received = await ReceivedLog.open({ folder: join(folder, 'received'), log })
    const made: { receiving?: LinkReceiving } = {}
    const receiver = Receiver.open(
      {
        primary,
        log: received,
        snapshotPath: join(folder, 'folds.snapshot'),
        openSeal: (seal) => keys.openSeal(seal),
        sign: (type, body) => keys.sign({ type, body }),
        anchors: () => keys.anchors({ tenant_uid: primary.tenant_uid }),
        publish: (topic, payload) => made.receiving?.publish(topic, payload),
        ...{ changed, clock, logger: log },
      },
      members,
    )
    made.receiving = new LinkReceiving(options, primary, { receiver, log: received })
    return made.receiving
  }

  /** Whether it listens, or would, where the configuration says. */
  isAt(fleet: Config['fleet']): boolean {
    return isDeepStrictEqual(fleet, this.#options.fleet)
  }

  publish(topic: string, payload: Buffer): void {
    this.#transport?.publish(topic, payload)
  }

  /** What the broker carried since it listens; nothing while it does not. */
  topics(): TopicsCheck {
    const topics = this.#transport?.topics
    return { seen: topics?.seen ?? 0, withoutTenant: topics?.kept() ?? [] }
  }

  get fault(): string | undefined {
    return this.#log.fault
  }

  /** The evidence: what the log holds, verified again. */
  received(tenant_id?: string): ReceivedSummary[] {
    return listReceived(this.#log, this.receiver.sites(), tenant_id)
  }

  envelopes(tenant_id: string): Envelope[] {
    return envelopesOf(this.#log, this.receiver.sites(), tenant_id)
  }

  /** Listens where it does not yet; tries again at the next reload when a port is taken. */
  async change(primary: Primary, members: readonly Member[]): Promise<void> {
    this.receiver.setMembers(members)
    const { ca, certificate, privateKey } = primary
    const credentials: Credentials = { ca, certificate, privateKey }
    const text = JSON.stringify(credentials)
    if (text !== this.#credentials) {
      this.#transport?.renew(credentials)
      this.#door?.renew(credentials)
      this.#credentials = text
    }
    this.#timer ??= setInterval(() => void this.#retain(), RETAIN_MS)
    this.#transport ??= await this.#carrier(primary, members, credentials)
    await this.#transport.admit(membershipsOf(primary, members))
    this.#door ??= await this.#openDoor(credentials)
  }

  #carrier(primary: Primary, members: readonly Member[], credentials: Credentials) {
    const { fleet_uid, appliance_id } = primary
    const { fleet, log } = this.#options
    const take: Take = async (topic, payload) => void (await this.receiver.take(topic, payload))
    const both = { ...credentials, fleet_uid, take, log }
    if (fleet.broker) return new ExternalBroker({ ...both, url: fleet.broker, appliance_id })
    return Broker.open({
      ...both,
      host: fleet.host,
      port: fleet.mqttPort,
      memberships: membershipsOf(primary, members),
    })
  }

  #openDoor(credentials: Credentials): Promise<Door> {
    const { fleet, keys, log, joined } = this.#options
    const after = async <T>(answer: Promise<T>): Promise<T> => {
      const given = await answer
      // Before the reply: the first summary of a site that is not known yet would be nobody's.
      await joined()
      return given
    }
    return Door.open({
      ...credentials,
      host: fleet.host,
      port: fleet.doorPort,
      log,
      calls: {
        join: (request) => after(keys.joinBegin(request)),
        renew: (request) => keys.renewCertificate(request),
        leave: (request) => after(keys.leave(request)),
      },
    })
  }

  async #retain(): Promise<void> {
    try {
      const from = await this.receiver.saveSnapshot()
      const sinceUs = this.#options.clock.nowUs() - RETENTION_DAYS * 86_400e6
      const dropped = await this.#log.retain({ sinceUs, from })
      if (dropped > 0) this.#options.log.info({ segments: dropped }, 'received.dropped')
    } catch (error) {
      this.#options.log.error({ error: String(error) }, 'received.retain-failed')
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([this.#door?.close(), this.#transport?.close()])
    await this.receiver.close()
    await this.#log.close()
  }
}

function membershipsOf(
  { revokedAppliances: revoked }: Primary,
  members: readonly Member[],
): Memberships {
  const live = members.filter((member) => member.revoked === null)
  const from = live.map((each) => [each.appliance_id, each.certificatesFrom] as const)
  return { revoked, certificatesFrom: new Map(from) }
}
