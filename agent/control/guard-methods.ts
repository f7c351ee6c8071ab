/** The guard's sockets: what the agent, picket-keys, the web and the box's own operator may each ask. */
import * as v from 'valibot'
import type { Clock } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'
import { UID } from '../base/ids.ts'
import type { Controllers } from '../contain/controllers.ts'
import { readRequest } from '../contain/decision.ts'
import type { Guard } from '../contain/guard.ts'
import type { GuardAnswerStatus, GuardCaller } from './guard-client.ts'
import type { Method, Methods } from './rpc.ts'

const ADDRESSES_MAX = 4096

const TenantUid = v.pipe(v.string(), v.regex(UID))
const Reported = v.strictObject({
  tenant_uid: TenantUid,
  addresses: v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.maxLength(ADDRESSES_MAX)),
})
const OfTenant = v.strictObject({ tenant_uid: v.optional(TenantUid) })

export interface GuardSide {
  guard: Guard
  controllers: Controllers
  clock: Clock
  /** The configuration was written anew: begin again with it. */
  settingsChanged(): void
}

export function guardMethods(side: GuardSide): Record<GuardCaller, Methods> {
  const { guard, controllers, clock } = side
  const reading = { list: () => guard.list(), status: () => status(side), subscribe: watch(guard) }
  const deciding: Methods = {
    ...reading,
    approve: (params) => guard.approve(readRequest(params)),
    reject: (params) => guard.reject(readRequest(params)),
    undo: (params) => guard.undo(readRequest(params)),
    neverBlock: (params) => guard.neverBlock(read(OfTenant, params).tenant_uid),
  }
  return {
    agent: {
      ...reading,
      propose: (params) => guard.propose(params),
      controllers: (params) => {
        const { tenant_uid, addresses } = read(Reported, params)
        controllers.report(tenant_uid, addresses, clock.nowUs())
        return { known: controllers.of(tenant_uid).length }
      },
    },
    keys: { settingsChanged: () => side.settingsChanged() },
    web: deciding,
    cli: deciding,
    link: { list: reading.list },
  }
}

function status({ guard, controllers }: GuardSide): GuardAnswerStatus {
  return {
    ...guard.status(),
    controllers: controllers.of(undefined).length,
    controllersDropped: controllers.dropped,
  }
}

/** Answers with all there is; every change after it is pushed as `action`. */
function watch(guard: Guard): Method {
  return (_params, peer) => {
    const stop = guard.onChange((action) => void peer.push('action', action))
    peer.onClose(stop)
    return guard.list()
  }
}

function read<T>(schema: v.GenericSchema<unknown, T>, params: unknown): T {
  const result = v.safeParse(schema, params)
  if (result.success) return result.output
  throw new Failure(
    'invalid',
    `The question to the guard is not valid: ${result.issues[0].message}.`,
  )
}
