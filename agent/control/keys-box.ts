/** Everything picket-keys holds, opened in order under one lock: root, keys, signer, platform.db, audit trail. */
import { closeSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Chain } from '../audit/chain.ts'
import { Trail } from '../audit/trail.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { type Config, loadConfig } from '../base/config.ts'
import { Failure } from '../base/failure.ts'
import type { Log } from '../base/log.ts'
import { verifyJson } from '../base/signing.ts'
import type { Custodian } from '../keys/custodian.ts'
import { createFileCustodian, openFileCustodian } from '../keys/file-custodian.ts'
import { Keyring } from '../keys/keyring.ts'
import { Signer } from '../keys/signer.ts'
import { holdAlone } from '../lake/lock.ts'
import { Accounts } from '../tenancy/accounts.ts'
import { Attempts, Tempo } from '../tenancy/attempts.ts'
import { Claims } from '../tenancy/claims.ts'
import { Fleet } from '../tenancy/fleet.ts'
import { changed, Heads } from '../tenancy/heads.ts'
import { LoginCodes } from '../tenancy/login-codes.ts'
import { openPlatform } from '../tenancy/platform.ts'
import type { SealedDb } from '../tenancy/sealed-db.ts'
import { Sessions } from '../tenancy/sessions.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import { PendingJoins } from './keys-pending.ts'
import { AuditTexts } from './keys-texts.ts'

const UNKNOWN_TOKENS_PER_MINUTE_MAX = 120
const APPLIANCE = 'process:keys'

export interface KeysBoxOptions {
  data: string
  log: Log
  clock?: Clock
  /** Makes root key, platform.db and audit trail where there is nothing yet. */
  create?: boolean
  /** In place of `<data>/config.json`. */
  config?: string | undefined
}

export interface KeysBox {
  readonly data: string
  readonly clock: Clock
  readonly log: Log
  readonly ring: Keyring
  readonly signer: Signer
  readonly accounts: Accounts
  readonly sessions: Sessions
  readonly codes: LoginCodes
  readonly attempts: Attempts
  readonly unknownTokens: Tempo
  readonly chain: Chain
  readonly trail: Trail
  readonly texts: AuditTexts
  readonly fleet: Fleet
  readonly claims: Claims
  readonly pending: PendingJoins
  /** Every database that is open here, and each tenant's that is on disk. */
  databases(): SealedDb[]
  /** The configuration as it is now. */
  config(): Config
  close(): void
}

export async function openKeysBox(options: KeysBoxOptions): Promise<KeysBox> {
  const { data, log, clock = systemClock, create = false } = options
  if (!create && !existsSync(join(data, 'keys', 'root.key'))) throw missing(data)
  mkdirSync(join(data, 'run', 'keys'), { recursive: true, mode: 0o700 })
  const lock = holdAlone(join(data, 'run', 'keys', 'lock'), 'picket-keys', data)
  const opened: { close(): void }[] = [{ close: () => closeSync(lock) }]
  try {
    const ring = await Keyring.open({
      folder: join(data, 'keys'),
      custodian: custodian(data, create),
    })
    if (existsSync(join(data, 'platform.db')) && !ring.hasBox('platform')) throw missing(data)
    const signer = await Signer.open(ring)
    signer.publish(join(data, 'keys'))
    const db = openPlatform(data, await ring.box('platform'))
    opened.push(db)
    const chain = new Chain({
      folder: join(data, 'audit'),
      clock,
      sign: (type, body) => signer.sign(type, body),
    })
    opened.push(chain)
    const digestKey = await digestKeys(ring)
    const heads = openHeads(db, clock, signer)
    const accounts = new Accounts({ db, clock, heads })
    const texts = new AuditTexts({ data, ring, accounts, clock })
    opened.push(texts)
    const keepText = texts.keep.bind(texts)
    const trail = new Trail({ chain, clock, digestKey, keepText })
    opened.push({ close: () => trail.flush(true) })
    checkState({ accounts, chain, trail, ring }, log)
    forgetOrphans({ data, accounts, ring })
    return {
      ...{ data, clock, log, ring, signer, accounts, chain, trail, texts },
      config: () => loadConfig(data, options.config),
      fleet: new Fleet({ db, clock, heads }),
      claims: new Claims(db, clock),
      pending: new PendingJoins(clock),
      databases: () => [db, ...texts.databases()],
      sessions: new Sessions(db, clock),
      codes: new LoginCodes(db, clock),
      attempts: new Attempts(clock),
      unknownTokens: new Tempo(clock, UNKNOWN_TOKENS_PER_MINUTE_MAX),
      close: () => closeAll(opened),
    }
  } catch (error) {
    closeAll(opened)
    throw error
  }
}

/** The last opened is the first closed. */
function closeAll(opened: { close(): void }[]): void {
  for (const each of opened.splice(0).reverse()) each.close()
}

function custodian(data: string, create: boolean): Custodian {
  const folder = join(data, 'keys')
  if (existsSync(join(folder, 'root.key'))) return openFileCustodian(folder)
  // Never a new root beside what an older one wrapped: that would look like a working, empty box.
  const used = existsSync(join(folder, 'wrapped')) || existsSync(join(data, 'platform.db'))
  if (!create || used) throw missing(data)
  return createFileCustodian(folder)
}

function missing(data: string): Failure {
  return existsSync(join(data, 'platform.db'))
    ? new Failure(
        'refused',
        `${data} has data but not its keys. Put the folder ${join(data, 'keys')} back from a backup; without it nothing can be read.`,
      )
    : new Failure(
        'not-found',
        `${data} holds no Picket data. Make it with: picket init --data ${data} --tenant NAME`,
      )
}

async function digestKeys(ring: Keyring): Promise<(uid: string | undefined) => Buffer> {
  const own = await ring.box('audit-digest')
  return (uid) => {
    if (uid === undefined || !ring.tenants().includes(uid)) return own
    try {
      return ring.layer(uid, 1, 'state', 'audit-digest')
    } catch {
      return own // a locked tenant still gets its line
    }
  }
}

function openHeads(db: SealedDb, clock: Clock, signer: Signer): Heads {
  const known = signer.known()
  return new Heads(db, {
    sign: (body) => signer.sign('accounts', body),
    verify: (envelope) => verifyJson(envelope, 'accounts', known, clock.nowUs()),
  })
}

/**
 * Compares what was opened with what the audit trail carried over (D12): accounts must be at the head that
 * was last done, or at the one that was about to be when the process died; the root at its last generation.
 */
function checkState(box: Pick<KeysBox, 'accounts' | 'chain' | 'trail' | 'ring'>, log: Log): void {
  const { accounts, chain, trail, ring } = box
  const tenants = accounts.tenants()
  for (const tenant of tenants) {
    const head = accounts.head(tenant)
    const done = chain.carried(doneName(tenant))
    const next = chain.carried(nextName(tenant))
    if (head !== done && head !== next) throw changed(tenant.tenant_id)
    if (done === next) continue
    const act = { actor: APPLIANCE, tenant, verb: 'user.changed', subject: 'unfinished' } as const
    const carry = { [doneName(tenant)]: head, [nextName(tenant)]: head }
    trail.write({ ...act, outcome: head === next ? 'done' : 'failed', carry })
  }
  const lost = chain
    .carriedNames()
    .find(
      (name) =>
        name.startsWith('accounts/') && !tenants.some((tenant) => doneName(tenant) === name),
    )
  if (lost) throw changed('a tenant that the audit trail knows')
  checkRoot(box)
  for (const tenant of tenants) {
    const { locked } = ring.inventory(tenant.tenant_uid)
    if (locked === null) continue
    log.error({ tenant_id: tenant.tenant_id, locked }, 'keys.locked')
    trail.write({ actor: APPLIANCE, tenant, verb: 'keys.locked', outcome: 'done' })
  }
  if (!chain.intact) log.error({}, 'audit.broken')
}

/** Key files of an init that died before its row: no row names them and nothing was written under them. */
function forgetOrphans({
  data,
  accounts,
  ring,
}: Pick<KeysBox, 'data' | 'accounts' | 'ring'>): void {
  const known = new Set(accounts.tenants().map(({ tenant_uid }) => tenant_uid))
  for (const uid of ring.tenants()) {
    const folders = ['journal', 'ring', 'tenants'].map((layer) => join(data, layer, uid))
    if (known.has(uid) || folders.some(holdsFiles)) continue
    ring.forgetTenant(uid)
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  }
}

function holdsFiles(folder: string): boolean {
  if (!existsSync(folder)) return false
  return readdirSync(folder, { recursive: true, withFileTypes: true }).some((each) => each.isFile())
}

function checkRoot({ chain, trail, ring }: Pick<KeysBox, 'chain' | 'trail' | 'ring'>): void {
  const { generation } = ring.describe()
  const carried = Number(chain.carried('root') ?? 0)
  if (carried > generation)
    throw new Failure(
      'refused',
      `The keys folder is of root generation ${generation}, and the audit trail knows generation ${carried}: an older copy was put back. Put back the newest one.`,
    )
  const act = {
    actor: APPLIANCE,
    verb: 'keys.started',
    outcome: 'done',
    count: generation,
  } as const
  trail.write({ ...act, carry: { root: String(generation) } })
}

export const doneName = (tenant: Pick<Tenant, 'tenant_uid'>) => `accounts/${tenant.tenant_uid}`
export const nextName = (tenant: Pick<Tenant, 'tenant_uid'>) => `accounts-next/${tenant.tenant_uid}`
