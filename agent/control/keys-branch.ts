/** A branch's side of joining and leaving: keys are made here, and what the primary sends is checked before it counts. */
import { randomBytes } from 'node:crypto'
import * as v from 'valibot'
import type { Json } from '../base/canonical.ts'
import { Failure } from '../base/failure.ts'
import { newUid } from '../base/ids.ts'
import type { Envelope } from '../base/signing.ts'
import { checkAuthority, checkLeaf, identityUri, newTlsKey, spkiOf } from '../keys/certificates.ts'
import { claimDigits, claimFits, claimKey, proveClaim } from '../keys/claim.ts'
import { checkReceiverPoint } from '../keys/receiver-key.ts'
import { knownKeys } from '../keys/signer.ts'
import type { UplinkRow } from '../tenancy/fleet.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import {
  Acceptance,
  DoorReply,
  JoinReply,
  JoinRequest,
  keyIdOf,
  peek,
  Receiver,
  readEnvelope,
  sha256,
  verifyBy,
} from './join-messages.ts'
import { changeAccounts } from './keys-acts.ts'
import type { KeysBox } from './keys-box.ts'
import type { Joined } from './keys-client.ts'
import { identityOf, mustFind, placeOf, siteOf } from './keys-fleet-views.ts'
import type { Uplink } from './link-keys.ts'

const UPLINKS_MAX = 8
const BINDING_BYTES = 32

interface Wanted {
  tenant_id?: string | undefined
  site?: string | undefined
}

/** What goes to the door: the code's proof over this very connection. */
export async function joinRequest(
  box: KeysBox,
  { code, exporter, ...wanted }: Wanted & { code: string; exporter: string },
  actor: string,
): Promise<{ join_id: string; body: Json }> {
  const codeKey = await claimKey(code)
  const { tenant, envelope, tlsKey } = request(box, wanted, 'join', exporter, actor)
  const words = [exporter, envelope.body, envelope.signature]
  const mac = proveClaim(codeKey, 'branch', words)
  const { tenant_id } = tenant
  const join_id = box.pending.add({ tenant_id, codeKey, words: [...words, mac], tlsKey })
  return { join_id, body: { proof: { ...envelope }, mac } }
}

/** What the door answered: only who knows the code and has this connection can have made it. */
export function joinFinish(
  box: KeysBox,
  { join_id, reply }: { join_id: string; reply: unknown },
  actor: string,
): Joined {
  const { tenant_id, codeKey, words, tlsKey } = box.pending.take(join_id)
  const sent = v.safeParse(DoorReply, reply)
  const text = sent.success ? sent.output.reply : ''
  const proved = [...words, text]
  if (!sent.success || !claimFits(sent.output.mac, codeKey, 'primary', proved))
    throw new Failure(
      'refused',
      'Who answered does not know the code: somebody stands in between. Nothing was joined.',
    )
  const joined = settle(
    box,
    mustFind(box, tenant_id),
    { reply: peek(JoinReply, text), tlsKey },
    actor,
  )
  return { ...joined, digits: claimDigits(codeKey, proved) }
}

/** The same by file: the request waits here until the answer is brought. */
export function fileRequest(
  box: KeysBox,
  wanted: Wanted,
  actor: string,
): { envelope: Envelope; fingerprint: string } {
  const binding = randomBytes(BINDING_BYTES).toString('hex')
  const { tenant, envelope, tlsKey } = request(box, wanted, 'file', binding, actor)
  const { tenant_id } = tenant
  box.fleet.wait({ tenant_id, request: envelope.body, tls_key: tlsKey, at: box.clock.nowUs() })
  return { envelope, fingerprint: envelope.key_id }
}

/** `fingerprint` is that of the primary's key; given, it must be the one that signed. */
export function fileFinish(
  box: KeysBox,
  { envelope: given, fingerprint }: { envelope: unknown; fingerprint?: string | undefined },
  actor: string,
): Joined {
  const envelope = readEnvelope(given)
  const accepted = peek(Acceptance, envelope.body)
  if (!accepted)
    throw new Failure(
      'invalid',
      'The file is no answer to a request. Make one: picket fleet accept',
    )
  const waiting = box.fleet.waiting().find(({ request: text }) => sha256(text) === accepted.request)
  if (!waiting)
    throw new Failure('refused', 'The file answers another request than the one of this box.')
  verifyBy(accepted.reply.receiver.spki, envelope, 'claim', box.clock.nowUs())
  const wanted = fingerprint?.replaceAll(/[\s:-]/g, '').toLowerCase()
  if (wanted !== undefined && wanted !== envelope.key_id)
    throw new Failure('refused', 'The file is signed by another key than the one named.')
  const found = { reply: accepted.reply, tlsKey: waiting.tls_key }
  const joined = settle(box, mustFind(box, waiting.tenant_id), found, actor)
  box.fleet.waitedFor(waiting.tenant_id)
  return joined
}

function request(
  box: KeysBox,
  { tenant_id: wanted, site }: Wanted,
  kind: JoinRequest['kind'],
  binding: string,
  actor: string,
): { tenant: Tenant; envelope: Envelope; tlsKey: string } {
  const tenant = mustFind(box, wanted)
  const { tenant_id, tenant_uid, fleet_id, appliance_id } = tenant
  const { privateKey, spki: tlsSpki } = newTlsKey()
  const body = {
    ...{ version: 1, kind, tenant_id, tenant_uid, fleet_id, appliance_id },
    ...{ site: site ?? siteOf(box, tenant), spki: identityOf(box), tlsSpki, binding },
    at: box.clock.nowUs(),
  }
  const checked = v.safeParse(JoinRequest, body)
  if (!checked.success)
    throw new Failure('invalid', `${v.getDotPath(checked.issues[0])} is not as it must be.`)
  box.trail.write({ actor, tenant, verb: 'fleet.request', outcome: 'done' })
  return { tenant, envelope: box.signer.sign('claim', checked.output), tlsKey: privateKey }
}

/** Pins the receiver (D17) and keeps the uplink, after every part of the answer was looked at. */
function settle(
  box: KeysBox,
  tenant: Tenant,
  { reply, tlsKey }: { reply: JoinReply | undefined; tlsKey: string },
  actor: string,
): Joined {
  if (!reply) throw new Failure('refused', 'The answer of the primary is not understood.')
  const { tenant_id, tenant_uid, fleet_id, appliance_id } = tenant
  const { fleet_uid, ca, certificate, url, door, receiver } = reply
  if (reply.fleet_id !== fleet_id)
    throw new Failure(
      'refused',
      `The primary is of the fleet ${reply.fleet_id}, and ${tenant_id} belongs to ${fleet_id}.`,
    )
  const nowUs = box.clock.nowUs()
  checkAuthority(ca, fleet_uid, nowUs)
  const holder = { fleet_uid, tenant_uid, appliance_id }
  const not_after = checkLeaf(certificate, { ca, spki: spkiOf(tlsKey), holder, nowUs })
  checkReceiverPoint(receiver.sealKey)
  const { spki } = receiver
  knownKeys([{ key_id: keyIdOf(spki), spki, owner: 'receiver', types: ['ack'] }])
  const others = box.fleet.uplinks().filter((each) => each.tenant_id === tenant_id)
  if (others.filter((each) => each.fleet_uid !== fleet_uid).length >= UPLINKS_MAX)
    throw new Failure('too-many', `A site has at most ${UPLINKS_MAX} uplinks.`)
  const row: UplinkRow = {
    ...{ uplink_id: newUid(), tenant_id, fleet_uid, own: 0, url, door, ca, certificate },
    ...{ tls_key: tlsKey, not_after, receiver: JSON.stringify(receiver) },
  }
  const act = { actor, tenant, verb: 'uplink.added', subject: fleet_uid } as const
  changeAccounts(box, act, (witness) =>
    box.fleet.change(tenant_id, witness(), (rows) => rows.putUplink(row)),
  )
  const { uplink_id } = row
  return {
    uplink_id,
    tenant_id,
    fleet_id,
    receiver: receiver.site,
    url,
    fingerprint: keyIdOf(spki),
  }
}

/** What the primary is told when this box leaves; the uplink stays until `leaveFinish`. */
export function leaveRequest(box: KeysBox, wanted: { tenant_id?: string | undefined }) {
  const tenant = mustFind(box, wanted.tenant_id)
  const { tenant_id, tenant_uid, appliance_id } = tenant
  const row = box.fleet.uplinks().find((each) => each.tenant_id === tenant_id && each.own === 0)
  if (!row) throw new Failure('not-found', `${tenant_id} has joined no fleet.`)
  const { uplink_id, fleet_uid, door, ca } = row
  const at = box.clock.nowUs()
  const body = { kind: 'leave', fleet_uid, tenant_uid, appliance_id, at, nonce: newUid() }
  const receiver = receiverOf(row)
  const envelope = box.signer.sign('revocation', body)
  return { uplink_id, door, ca, identity: identityUri(receiver), receiver: receiver.site, envelope }
}

export function leaveFinish(box: KeysBox, uplinkId: string, actor: string): void {
  const row = box.fleet.uplink(uplinkId)
  if (!row || row.own === 1) throw new Failure('not-found', 'There is no such uplink.')
  const tenant = mustFind(box, row.tenant_id)
  const act = { actor, tenant, verb: 'uplink.removed', subject: row.fleet_uid } as const
  changeAccounts(box, act, (witness) =>
    box.fleet.change(row.tenant_id, witness(), (rows) => rows.removeUplink(uplinkId)),
  )
}

/** The next certificate of an uplink: for the key and the name of the last, by the authority that was pinned. */
export function renewed(
  box: KeysBox,
  { uplink_id, certificate }: { uplink_id: string; certificate: string },
): { certificateNotAfter: number } {
  const row = box.fleet.uplink(uplink_id)
  if (!row) throw new Failure('not-found', 'There is no such uplink.')
  const tenant = mustFind(box, row.tenant_id)
  const { fleet_uid, ca, tls_key } = row
  const { tenant_uid, appliance_id } = tenant
  const expected = {
    ...{ ca, spki: spkiOf(tls_key), nowUs: box.clock.nowUs() },
    holder: { fleet_uid, tenant_uid, appliance_id },
  }
  const notAfter = checkLeaf(certificate, expected)
  if (notAfter < row.not_after)
    throw new Failure('refused', 'The certificate ends before the present one.')
  const act = { actor: 'process:link', tenant, verb: 'uplink.renewed', subject: fleet_uid } as const
  box.trail.write(act)
  box.fleet.renewed(uplink_id, certificate, notAfter)
  box.trail.write({ ...act, outcome: 'done' })
  return { certificateNotAfter: notAfter }
}

/** Those in use: to others, and to this box itself while Fleet Command is on. */
export function uplinksOf(box: KeysBox): Uplink[] {
  const { ownUrl, ownDoor } = placeOf(box.config())
  const on = box.fleet.primary()?.tenant_id
  return box.fleet
    .uplinks()
    .filter((row) => row.own === 0 || row.tenant_id === on)
    .map((row) => ({
      uplink_id: row.uplink_id,
      tenant_uid: mustFind(box, row.tenant_id).tenant_uid,
      url: row.own === 1 ? ownUrl : row.url,
      door: row.own === 1 ? ownDoor : row.door,
      ca: row.ca,
      certificate: row.certificate,
      privateKey: row.tls_key,
      certificateNotAfter: row.not_after,
      fleet_uid: row.fleet_uid,
      receiver: receiverOf(row),
    }))
}

function receiverOf({ receiver }: UplinkRow): v.InferOutput<typeof Receiver> {
  return v.parse(Receiver, JSON.parse(receiver))
}
