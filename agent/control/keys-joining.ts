/**
 * The primary's side of joining, renewing and leaving (D21). Until a sender has proved that it knows a live code,
 * everything that can be wrong is refused in the same words; whoever knows the code is told what to do.
 */
import * as v from 'valibot'
import { canonical, type Json } from '../base/canonical.ts'
import { Failure } from '../base/failure.ts'
import type { Envelope } from '../base/signing.ts'
import { readTlsKey } from '../keys/certificates.ts'
import { claimDigits, claimFits, proveClaim } from '../keys/claim.ts'
import { CLAIM_LIFE_US } from '../tenancy/claims.ts'
import type { FleetRow, MemberRow } from '../tenancy/fleet.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import {
  Acceptance,
  JoinBody,
  JoinRequest,
  keyIdOf,
  Leaving,
  peek,
  Renewal,
  readEnvelope,
  sha256,
  verifyBy,
} from './join-messages.ts'
import { changeAccounts } from './keys-acts.ts'
import type { KeysBox } from './keys-box.ts'
import { certify, prepare } from './keys-fleet.ts'
import { isLive, mustBePrimary } from './keys-fleet-views.ts'

const LINK = 'process:link'
/** Whoever knocks chooses a name; it has no place in a chain that is never erased. */
const SOMEBODY = 'somebody'
const YEAR_US = 366 * 86_400_000_000
const REQUEST_LIFE_US = 30 * 86_400_000_000

export const JOIN_REFUSED =
  'The join was refused: the code is wrong, used, too old or for another site, or somebody stands in between. Make a new claim on the primary.'
export const RENEWAL_REFUSED =
  'The primary does not renew this certificate: the box was revoked, was away for more than a year, or the request is not its own. It has to join again.'

const Asked = { body: v.unknown(), source: v.pipe(v.string(), v.maxLength(64)) }
export const AskedToJoin = v.object({ ...Asked, exporter: v.pipe(v.string(), v.maxLength(64)) })
export const AskedByMember = v.object(Asked)

/** One body that came over the door; `exporter` is of that TLS connection. */
export async function joinBegin(
  box: KeysBox,
  { body, source, exporter }: v.InferOutput<typeof AskedToJoin>,
): Promise<{ reply: Json }> {
  box.pending.enter(source, 'join')
  const { fleet, tenant } = mustBePrimary(box)
  const refuse = (): Failure => {
    box.trail.refused({ actor: LINK, tenant, verb: 'fleet.joined', subject: SOMEBODY })
    return new Failure('refused', JOIN_REFUSED)
  }
  const sent = v.safeParse(JoinBody, body)
  const request = sent.success ? peek(JoinRequest, sent.output.proof.body) : undefined
  if (!sent.success || !request) throw refuse()
  const { proof, mac } = sent.output
  const binding = readExporter(exporter)
  const words = [binding, proof.body, proof.signature]
  const claim = box.claims.find(fleet.tenant_id, request.tenant_id, (key) =>
    claimFits(mac, key, 'branch', words),
  )
  if (!claim) throw refuse()
  try {
    if (request.kind !== 'join' || request.binding !== binding) throw refuse()
    checkProof(box, request, proof)
    checkPlace(box, fleet, tenant, request, claim.ends - CLAIM_LIFE_US)
  } catch (error) {
    box.claims.failed(claim)
    throw error
  }
  if (!box.claims.take(claim)) throw refuse()
  const { member, reply } = await prepare(box, fleet, request, claim.site ?? request.site)
  const text = canonical(reply)
  const proved = [...words, mac, text]
  enter(box, tenant, { ...member, digits: claimDigits(claim.code_key, proved) }, LINK)
  return { reply: { reply: text, mac: proveClaim(claim.code_key, 'primary', proved) } }
}

/** A request that came as a signed file, which the operator of the primary holds in hand. */
export async function acceptFile(
  box: KeysBox,
  given: unknown,
  actor: string,
): Promise<{ envelope: Envelope; tenant_id: string; site: string; fingerprint: string }> {
  const { fleet, tenant } = mustBePrimary(box)
  const proof = readEnvelope(given)
  const request = peek(JoinRequest, proof.body)
  if (request?.kind !== 'file')
    throw new Failure('invalid', 'The file is no request to join. Make one: picket fleet request')
  checkProof(box, request, proof)
  if (Math.abs(box.clock.nowUs() - request.at) > REQUEST_LIFE_US)
    throw new Failure(
      'refused',
      'The request is not of these 30 days. Make a new one on the branch, whose clock must be right.',
    )
  checkPlace(box, fleet, tenant, request, request.at)
  const { member, reply } = await prepare(box, fleet, request, request.site)
  enter(box, tenant, member, actor)
  const body = { version: 1, kind: 'accept', request: sha256(proof.body), reply } as const
  const envelope = box.signer.sign('claim', v.parse(Acceptance, body))
  const { tenant_id, site, spki } = request
  return { envelope, tenant_id, site, fingerprint: keyIdOf(spki) }
}

/** The key in the request signed it: possession, and no point of small order (D4). */
function checkProof({ clock }: KeysBox, request: JoinRequest, proof: Envelope): void {
  try {
    verifyBy(request.spki, proof, 'claim', clock.nowUs())
    readTlsKey(request.tlsSpki)
  } catch (error) {
    throw new Failure('refused', JOIN_REFUSED, {}, error)
  }
}

/** Whether the fleet has a place for this site. `asked` is when the claim was made: before a revocation it counts for nothing. */
function checkPlace(
  box: KeysBox,
  fleet: FleetRow,
  { fleet_id }: Tenant,
  request: JoinRequest,
  asked: number,
): void {
  const { tenant_id, tenant_uid } = request
  if (request.fleet_id !== fleet_id)
    throw new Failure(
      'refused',
      `${tenant_id} belongs to the fleet ${request.fleet_id}, and this primary to ${fleet_id}. Make the site anew: picket init --tenant ${tenant_id} --fleet ${fleet_id}`,
    )
  const named = box.fleet.memberByName(fleet.tenant_id, tenant_id)
  if (named && named.tenant_uid !== tenant_uid)
    throw new Failure(
      'refused',
      `Another site was called ${tenant_id} in this fleet. Names are not used twice: make the site under another name.`,
    )
  checkAppliance(box.fleet.members(fleet.tenant_id), request)
  const before = box.fleet.member(fleet.tenant_id, tenant_uid)
  if (before && isLive(before))
    throw new Failure(
      'conflict',
      `${before.tenant_id} is a member of this fleet already. Let it leave first, or revoke it on the primary.`,
    )
  if (before && (before.tenant_id !== tenant_id || (before.revoked_at as number) >= asked))
    throw new Failure('refused', `${tenant_id} was revoked or left: make a new claim for it.`)
}

/**
 * One appliance, one membership: its id names its connections and what is revoked, so nobody else may have it, nor a
 * second tenant of the same box while the first is in.
 */
function checkAppliance(members: readonly MemberRow[], request: JoinRequest): void {
  const taken = members.find(
    (row) =>
      row.appliance_id === request.appliance_id &&
      row.tenant_uid !== request.tenant_uid &&
      (isLive(row) || row.spki !== request.spki),
  )
  if (taken)
    throw new Failure(
      'conflict',
      'This appliance is a member of this fleet already, or was. One box is one site of a fleet: let the first one leave, or make the box anew with picket init.',
    )
}

function enter(box: KeysBox, tenant: Tenant, member: MemberRow, actor: string): void {
  const act = { actor, tenant, verb: 'fleet.joined', subject: member.tenant_id } as const
  changeAccounts(box, act, (witness) =>
    box.fleet.change(tenant.tenant_id, witness(), (rows) => {
      const before = box.fleet.member(tenant.tenant_id, member.tenant_uid)
      if (before && isLive(before))
        // another claim was quicker while the certificate was made
        throw new Failure('conflict', `${member.tenant_id} is a member of this fleet already.`)
      rows.putMember(member)
    }),
  )
}

/** For a member whose certificate ended a year ago at most, by its identity key, each request once. */
export async function renewCertificate(
  box: KeysBox,
  { body, source }: v.InferOutput<typeof AskedByMember>,
): Promise<{ reply: Json }> {
  box.pending.enter(source, 'renewal')
  const { fleet, tenant } = mustBePrimary(box)
  const envelope = readEnvelope(body)
  const asked = peek(Renewal, envelope.body)
  const member = asked && box.fleet.member(fleet.tenant_id, asked.tenant_uid)
  const nowUs = box.clock.nowUs()
  const may =
    member &&
    isLive(member) &&
    member.appliance_id === asked.appliance_id &&
    nowUs < (member.not_after ?? 0) + YEAR_US &&
    isSignedBy(member, envelope, 'cert-renew', nowUs) &&
    isTlsKey(asked.tlsSpki) &&
    box.fleet.takeNonce(member, asked.nonce, asked.at)
  if (!may) {
    const subject = member?.tenant_id ?? SOMEBODY
    box.trail.refused({ actor: LINK, tenant, verb: 'fleet.renewed', subject })
    throw new Failure('refused', RENEWAL_REFUSED)
  }
  const act = { actor: LINK, tenant, verb: 'fleet.renewed', subject: member.tenant_id } as const
  box.trail.write(act)
  const { certificate, notAfter } = await certify(box, fleet, member, asked.tlsSpki)
  box.fleet.certified(fleet.tenant_id, member.tenant_uid, notAfter)
  box.trail.write({ ...act, outcome: 'done' })
  return { reply: { certificate, certificateNotAfter: notAfter } }
}

/** A member goes, by its own signature. What it sent before stays. */
export function leave(
  box: KeysBox,
  { body, source }: v.InferOutput<typeof AskedByMember>,
): { reply: Json } {
  box.pending.enter(source, 'renewal')
  const { fleet, tenant } = mustBePrimary(box)
  const envelope = readEnvelope(body)
  const asked = peek(Leaving, envelope.body)
  const member = asked && box.fleet.member(fleet.tenant_id, asked.tenant_uid)
  const may =
    member &&
    isLive(member) &&
    member.is_primary === 0 &&
    asked.fleet_uid === fleet.fleet_uid &&
    member.appliance_id === asked.appliance_id &&
    isSignedBy(member, envelope, 'revocation', box.clock.nowUs()) &&
    box.fleet.takeNonce(member, asked.nonce, asked.at)
  if (!may) {
    const subject = member?.tenant_id ?? SOMEBODY
    box.trail.refused({ actor: LINK, tenant, verb: 'fleet.left', subject })
    throw new Failure('refused', 'The primary knows no such member, or the request is not its own.')
  }
  const act = { actor: LINK, tenant, verb: 'fleet.left', subject: member.tenant_id } as const
  changeAccounts(box, act, (witness) =>
    box.fleet.change(fleet.tenant_id, witness(), (rows) =>
      rows.revoke(fleet.tenant_id, member.tenant_uid, { epoch: 0, sequence: 0 }),
    ),
  )
  return { reply: { left: true } }
}

function isSignedBy(
  { spki }: MemberRow,
  envelope: Envelope,
  type: 'cert-renew' | 'revocation',
  nowUs: number,
): boolean {
  try {
    verifyBy(spki, envelope, type, nowUs)
    return true
  } catch {
    return false
  }
}

function isTlsKey(spki: string): boolean {
  try {
    readTlsKey(spki)
    return true
  } catch {
    return false
  }
}

/** Hex, whichever of hex and base64 the door speaks. */
function readExporter(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== 32) throw new Failure('invalid', 'exporter is not as it must be.')
  return bytes.toString('hex')
}
