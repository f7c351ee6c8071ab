/**
 * What picket-link may ask picket-keys: to sign a summary, an ack, a last will; to open a seal; the symmetric
 * keys of its own outbox and of what it received; who belongs to the fleet. No private signing key leaves
 * picket-keys. The one private key that does is that of the TLS certificate (transport only, 90 days): TLS is
 * spoken by the process that has the network, and Node cannot ask another one for a handshake signature.
 */
import type { Json } from '../base/canonical.ts'
import type { Envelope } from '../base/signing.ts'
import type { FleetJoins } from '../summary/fleet-view.ts'
import type { Atom } from '../tenancy/role.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import type { AuditRequest, ClientOf } from './keys-client.ts'

type None = Record<string, never>

/** One receiver of this box's summaries. */
export interface Uplink {
  uplink_id: string
  tenant_uid: string
  /** mqtts://host:port */
  url: string
  /** https://host:port of the door: renewal of the certificate. */
  door: string
  /** PEM: the CA of that fleet, the only one believed for this uplink. */
  ca: string
  certificate: string
  privateKey: string
  certificateNotAfter: number
  fleet_uid: string
  receiver: {
    /** With appliance_id: whom the server's certificate must name. */
    tenant_uid: string
    appliance_id: string
    /** What people call it. */
    site: string
    /** base64 of 32 bytes, X25519: pinned at the join (D17). */
    sealKey: string
    /** base64 SPKI, Ed25519: who may acknowledge. */
    spki: string
  }
}

/** A site whose summaries this box receives. */
export interface Member {
  tenant_id: string
  tenant_uid: string
  fleet_id: string
  appliance_id: string
  site: string
  primary: boolean
  /** base64 SPKI, Ed25519, and its id. */
  spki: string
  key_id: string
  joinedAt: number
  /** Summaries of this epoch from this sequence on are refused; 0 and 0: all that come from now on. */
  revoked: { at: number; epoch: number; sequence: number } | null
  certificateNotAfter: number | null
  /** Certificates that begin before that are of an earlier membership. */
  certificatesFrom: number
  /** base64 of 32 bytes: what this box received of that tenant is kept under it, and under nothing else. */
  storeKey: string
}

/** What a primary serves with. */
export interface Primary {
  tenant_id: string
  tenant_uid: string
  fleet_id: string
  fleet_uid: string
  appliance_id: string
  /** PEM. */
  ca: string
  certificate: string
  privateKey: string
  /** Appliances of which no membership is left: a connection of theirs ends at once. */
  revokedAppliances: string[]
}

export interface LinkCalls {
  tenants: [None, { tenants: Tenant[] }]
  /** Types `summary`, `ack` and `lwt` only, and only about this box. */
  sign: [{ type: 'summary' | 'ack' | 'lwt' | 'cert-renew'; body: Json }, Envelope]
  /** Layer `queue` of the writing epoch, or of that one: base64 of 32 bytes. */
  queueKey: [{ tenant_uid: string; epoch?: number }, { epoch: number; key: string }]
  /** D12: what a summary's anchors say of keys and chain. */
  anchors: [
    { tenant_uid: string },
    { audit_seq: number; audit_head: string | null; key_epoch: number; root_generation: number },
  ]
  /** The evidence of the compliance controls, from this tenant's own lake; the questions are shipped, never ours. */
  controlEvidence: [
    { tenant_uid: string },
    { values: { id: string; value: number | null; because: string | null }[] },
  ]
  uplinks: [None, { uplinks: Uplink[] }]
  /** The answer of the door to a renewal. */
  renewed: [{ uplink_id: string; certificate: string }, { certificateNotAfter: number }]
  /** Undefined while Fleet Command is off. */
  primary: [None, { primary: Primary | null }]
  members: [None, { members: Member[] }]
  /**
   * `ephemeral` is the sender's X25519 point: gives the shared secret of that seal (D17), and this receiver's own
   * point for that member, which the seal's key is derived from too; base64 of 32 bytes each.
   */
  openSeal: [{ ephemeral: string; tenant_uid: string }, { shared: string; receiverKey: string }]
  /**
   * The door: one HTTP body each, already bounded. The answer is what is sent back. `exporter`: of that TLS 1.3
   * connection, label EXPORTER-picket-claim, 32 bytes, no context, in hex. Bodies and replies: join-messages.ts;
   * a renewal and a leaving are the signed envelope itself, a renewal's reply is {certificate, certificateNotAfter}.
   */
  joinBegin: [{ body: Json; source: string; exporter: string }, { reply: Json }]
  renewCertificate: [{ body: Json; source: string }, { reply: Json }]
  leave: [{ body: Json; source: string }, { reply: Json }]
  /** Which tenant_ids of the fleet this session may see, resolved from the token here (D24). */
  fleetScope: [
    { token: string },
    { tenant_ids: string[]; atoms: readonly Atom[]; fleet_id: string },
  ]
  /** For the pages of joins, by session; `joins` needs the atom `settings`. */
  joins: [{ token: string }, FleetJoins]
  audit: [AuditRequest, { seq: number }]
}

export type LinkKeys = ClientOf<LinkCalls>

export const LINK = [
  'tenants',
  'sign',
  'queueKey',
  'anchors',
  'controlEvidence',
  'uplinks',
  'renewed',
  'primary',
  'members',
  'openSeal',
  'joinBegin',
  'renewCertificate',
  'leave',
  'fleetScope',
  'joins',
  'audit',
] as const satisfies readonly (keyof LinkCalls)[]
