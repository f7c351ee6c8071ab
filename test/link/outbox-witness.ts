/**
 * Keeps a copy of each file that an outbox ever held, while the box runs: what was issued, by another word than the
 * box's own. A file may be gone before it is seen; the hash that its successor names stands in for it.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../agent/base/clock.ts'
import { silentLog } from '../../agent/base/log.ts'
import type { keysForLink } from '../../agent/control/keys-client.ts'
import { Cursors } from '../../agent/link/cursors.ts'
import { Outbox } from '../../agent/link/outbox.ts'
import { bodyHash } from '../../agent/summary/verify.ts'

const LOOK_MS = 5

export class OutboxWitness {
  readonly #from: string
  readonly #copy = mkdtempSync(join(tmpdir(), 'picket-issued-'))
  readonly #timer: NodeJS.Timeout
  readonly #seen = new Set<string>()
  /** Files that came again with other bytes: must stay empty. */
  readonly changed: string[] = []

  constructor(data: string, tenant_uid: string) {
    this.#from = join(data, 'link', 'sends', tenant_uid, 'outbox')
    mkdirSync(join(this.#copy, 'outbox'))
    this.#timer = setInterval(() => this.look(), LOOK_MS)
  }

  get seen(): number {
    return this.#seen.size
  }

  look(): void {
    if (!existsSync(this.#from)) return
    for (const name of readdirSync(this.#from).filter((each) => each.endsWith('.sum'))) {
      const path = join(this.#copy, 'outbox', name)
      try {
        const bytes = readFileSync(join(this.#from, name))
        if (!this.#seen.has(name)) writeFileSync(path, bytes)
        else if (!readFileSync(path).equals(bytes)) this.changed.push(name)
        this.#seen.add(name)
      } catch {
        // acknowledged and gone in between
      }
    }
  }

  /** The hash of each summary by its place, and how many bodies were read for it. */
  async issued(
    keys: ReturnType<typeof keysForLink>,
    tenant_uid: string,
  ): Promise<{ hashes: Map<string, string>; read: number }> {
    this.look()
    const cursors = new Cursors(join(this.#copy, 'uplinks.json'))
    const outbox = await Outbox.open({
      ...{
        folder: join(this.#copy, 'outbox'),
        cursors,
        tenant_uid,
        clock: systemClock,
        log: silentLog,
      },
      key: async (epoch) => {
        const answer = await keys.queueKey({ tenant_uid, ...(epoch ? { epoch } : {}) })
        return { epoch: answer.epoch, key: Buffer.from(answer.key, 'base64') }
      },
    })
    const hashes = new Map<string, string>()
    const places = [...this.#seen].map((name) => name.slice(0, -4).split('-').map(Number))
    for (const [epoch = 0, sequence = 0] of places) {
      const envelope = await outbox.read({ epoch, sequence })
      if (!envelope) throw new Error(`the copy of ${epoch}-${sequence} does not open`)
      hashes.set(`${epoch} ${sequence}`, bodyHash(envelope.body))
      const { previous } = JSON.parse(envelope.body) as { previous: string }
      if (sequence > 1 && !hashes.has(`${epoch} ${sequence - 1}`))
        hashes.set(`${epoch} ${sequence - 1}`, previous)
      else if (sequence > 1 && hashes.get(`${epoch} ${sequence - 1}`) !== previous)
        throw new Error(`${epoch}-${sequence} does not follow what was issued before it`)
    }
    return { hashes, read: this.#seen.size }
  }

  close(): void {
    clearInterval(this.#timer)
    rmSync(this.#copy, { recursive: true, force: true })
  }
}
