/**
 * What the box's own screen may ask. It shows the code of the first visit until the box is claimed; after that an act needs
 * an administrator's password (D33). It writes the configuration, since no other process may, with a line before and after.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { parseConfig } from '../base/config.ts'
import { Failure } from '../base/failure.ts'
import { sharedMode, writeWhole } from '../base/files.ts'
import { readTypedCode } from '../base/typed-code.ts'
import { verifyPassword } from '../tenancy/password.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import type { KeysBox } from './keys-box.ts'
import type { BoxChange, ConsoleCalls, ConsoleProof, ConsoleState } from './keys-client.ts'
import { type Handlers, Name, None, Password, parse, Token } from './keys-params.ts'
import { LINE } from './networks.ts'
import { connect } from './rpc.ts'
import { socketPath } from './sockets.ts'

const ACTOR = 'console'
/** A new code this long before the old one ends, so that nobody types one in vain. */
const AHEAD_US = 300_000_000
const PORTS_MAX = 16
const SUBJECT_CHARS_MAX = 128

const Interface = v.pipe(v.string(), v.regex(/^[\w.@-]{1,15}$/))
const Change = v.strictObject({
  siteName: v.optional(v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(64), v.regex(/^[^\p{Cc}]*$/u))), // biome-ignore format: one line
  capture: v.optional(v.pipe(v.array(Interface), v.maxLength(PORTS_MAX))),
  management: v.optional(Interface),
  line: v.optional(v.union([v.strictTuple([]), v.strictTuple([Interface, Interface])])),
})
const Proof = v.union([
  v.strictObject({ code: Token }),
  v.strictObject({ name: Name, password: Password }),
])

export function consoleMethods(box: KeysBox): Handlers<ConsoleCalls> {
  let shown: { code: string; expiresAt: number } | undefined
  const code = ({ tenant_id }: Tenant) => {
    const now = box.clock.nowUs()
    if (shown && shown.expiresAt - now > AHEAD_US && box.codes.isLive(shown.code)) return shown
    box.trail.write({ actor: ACTOR, tenant: tenantOf(box), verb: 'session.code-made', outcome: 'done' }) // biome-ignore format: one line
    shown = box.codes.makeTyped(tenant_id)
    return shown
  }
  return {
    consoleState: (params): ConsoleState => {
      parse(None, params)
      const tenant = tenantOf(box)
      const { siteName, capture, network } = box.config()
      const claimed = isClaimed(box)
      if (claimed) shown = undefined
      return {
        tenant_id: tenant.tenant_id,
        siteName: siteName ?? tenant.tenant_id,
        ...{ claimed, code: claimed ? null : code(tenant), capture: capture.interfaces },
        ...{ management: network.management ?? null, line: network.line ?? [] },
        ...{ uplinks: box.fleet.uplinks().length },
      }
    },
    changeBox: async (params) => {
      const { proof, change } = parse(v.object({ proof: Proof, change: Change }), params)
      await prove(box, proof, shown?.code)
      return { changed: await changeBox(box, present(change)) }
    },
    recoveryShown: async (params) => {
      const { proof } = parse(v.object({ proof: Proof }), params)
      await prove(box, proof, shown?.code)
      box.trail.write({ actor: ACTOR, tenant: tenantOf(box), verb: 'recovery.shown', outcome: 'done' }) // biome-ignore format: one line
      return {}
    },
  }
}

function isClaimed({ accounts }: KeysBox): boolean {
  return accounts.users().some(({ role, password, disabled }) => role === 'admin' && password !== null && !disabled) // biome-ignore format: one line
}

function tenantOf({ accounts }: KeysBox): Tenant {
  const [tenant] = accounts.tenants()
  if (!tenant) throw new Failure('not-found', 'There is no tenant yet.')
  return tenant
}

/** The code counts as long as nobody claimed the box, the password of an administrator from then on. */
async function prove(box: KeysBox, proof: ConsoleProof, shown: string | undefined): Promise<void> {
  const { accounts, attempts, codes, trail } = box
  attempts.enter(ACTOR)
  const refuse = (message: string): never => {
    trail.refused({ actor: ACTOR, tenant: tenantOf(box), verb: 'session.refused', subject: 'console' }) // biome-ignore format: one line
    throw new Failure('refused', message)
  }
  if ('code' in proof) {
    const typed = readTypedCode(proof.code)
    const isRight = typed !== undefined && shown !== undefined && typed === readTypedCode(shown)
    if (isClaimed(box) || !isRight || !codes.isLive(shown)) refuse('That is not the code on this screen.') // biome-ignore format: one line
    return
  }
  attempts.check(proof.name, ACTOR)
  const user = accounts.userByName(proof.name)
  const isRight = await verifyPassword(proof.password, user?.password)
  if (isRight && user?.role === 'admin' && !user.disabled) return attempts.succeeded(proof.name, ACTOR) // biome-ignore format: one line
  attempts.failed(proof.name, ACTOR)
  refuse('The name or the password is wrong, or it is no administrator.')
}

async function changeBox(box: KeysBox, change: BoxChange): Promise<string> {
  const { siteName, capture, management } = change
  const line = change.line ?? box.config().network.line ?? []
  if (capture && management && capture.includes(management) && !line.includes(management))
    throw new Failure('invalid', `${management} cannot be captured and carry the box's own address.`) // biome-ignore format: one line
  const words = [
    ...(siteName === undefined ? [] : ['name']),
    ...(management === undefined ? [] : [`management-${management}`]),
    ...(change.line === undefined ? [] : [`line-${change.line.join(':') || 'none'}`]),
    ...(capture === undefined ? [] : [`capture-${capture.join(':') || 'none'}`]),
  ]
  if (words.length === 0) throw new Failure('invalid', 'Nothing was chosen.')
  const subject = words.join('/').slice(0, SUBJECT_CHARS_MAX) // as the trail takes it: one word
  const act = { actor: ACTOR, tenant: tenantOf(box), verb: 'box.changed', subject } as const
  box.trail.write({ ...act, ...(siteName !== undefined && { text: siteName }) })
  try {
    writeConfig(box.data, change)
  } catch (error) {
    box.trail.write({ ...act, outcome: 'failed' })
    throw error
  }
  box.trail.write({ ...act, outcome: 'done' })
  if (change.line !== undefined) await tell(box, 'guard') // first: the agent asks it where the box sits
  await tell(box, 'agent')
  return subject
}

/** Into what stands there; whole or as it was. */
export function writeConfig(data: string, change: BoxChange): void {
  const file = join(data, 'config.json')
  const config = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  const { siteName, capture, management, line } = change
  const before: string[] = config.network?.line ?? []
  if (siteName !== undefined) config.siteName = siteName
  if (management !== undefined) config.network = { ...config.network, management }
  if (line !== undefined) config.network = placed(config.network, line)
  const taken = capture ?? [...(config.capture?.interfaces ?? []), ...(line?.length === 0 ? before : [])] // biome-ignore format: one line
  if (capture !== undefined || line !== undefined)
    config.capture = { ...config.capture, interfaces: captured(taken, line ?? before) }
  const text = `${JSON.stringify(config, null, 2)}\n`
  parseConfig(text, file)
  writeWhole(file, text, sharedMode(data)) // every process reads it
}

/** Out of the line the box sees copies, unless somebody wrote that it is elsewhere. */
function placed(network: Record<string, unknown> | undefined, line: readonly string[]) {
  const { line: before, placement, ...rest } = network ?? {}
  if (line.length > 0) return { ...rest, line, placement: 'bridge' }
  return { ...rest, ...(before === undefined && placement !== undefined && { placement }) }
}

/** In the line that is the wire and not its ends, each of which receives one direction: half of each connection. */
function captured(interfaces: readonly string[], line: readonly string[]): string[] {
  const others = interfaces.filter((name) => name !== LINE && !line.includes(name))
  return [...new Set(others), ...(line.length > 0 ? [LINE] : [])]
}

/** One that is not there reads the new configuration when it comes. */
async function tell({ data, log }: KeysBox, process: 'agent' | 'guard'): Promise<void> {
  try {
    const rpc = await connect(socketPath(data, process, 'keys'))
    try {
      await rpc.call('settingsChanged')
    } finally {
      rpc.close()
    }
  } catch (error) {
    log.info({ because: (error as Error).message }, `${process}.not-told`)
  }
}

function present(change: v.InferOutput<typeof Change>): BoxChange {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
}
