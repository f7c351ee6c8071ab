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
        ...{ management: network.management ?? null, uplinks: box.fleet.uplinks().length },
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
  if (capture && management && capture.includes(management))
    throw new Failure('invalid', `${management} cannot be captured and carry the box's own address.`) // biome-ignore format: one line
  const words = [
    ...(siteName === undefined ? [] : ['name']),
    ...(management === undefined ? [] : [`management-${management}`]),
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
  await tellAgent(box)
  return subject
}

/** Into what stands there; whole or as it was. */
export function writeConfig(data: string, { siteName, capture, management }: BoxChange): void {
  const file = join(data, 'config.json')
  const config = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  if (siteName !== undefined) config.siteName = siteName
  if (capture !== undefined) config.capture = { ...config.capture, interfaces: capture }
  if (management !== undefined) config.network = { ...config.network, management }
  const text = `${JSON.stringify(config, null, 2)}\n`
  parseConfig(text, file)
  writeWhole(file, text, sharedMode(data)) // every process reads it
}

/** One that is not there reads the new configuration when it comes. */
async function tellAgent({ data, log }: KeysBox): Promise<void> {
  try {
    const rpc = await connect(socketPath(data, 'agent', 'keys'))
    try {
      await rpc.call('settingsChanged')
    } finally {
      rpc.close()
    }
  } catch (error) {
    log.info({ because: (error as Error).message }, 'agent.not-told')
  }
}

function present(change: v.InferOutput<typeof Change>): BoxChange {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
}
