/**
 * What start-up reads before the end of the log: the state of each site, sealed under that site's store key.
 * One file, replaced whole: `'PKFT' | segment u32 | offset u32`, then per site
 * `length u32 | tenant_uid 16 | appliance_id 16 | sealed JSON`, then `'PKFT' | sites u32`. The place in the log is part
 * of what each site's seal is bound to: a wrong one would hide what came before it.
 */
import { readFileSync, renameSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Json } from '../base/canonical.ts'
import { syncFolder } from '../base/files.ts'
import { aad, seal, unseal } from '../keys/seal.ts'
import type { Position } from './received.ts'
import type { Peer } from './topics.ts'

const MAGIC = Buffer.from('PKFT')
const END_BYTES = 8
const HEAD_BYTES = 12
const SITE_BYTES = 36
const BATCH_BYTES = 1 << 20

export interface SiteState extends Peer {
  storeKey: Buffer
  state: Json
}

export interface Snapshot {
  /** Everything before is in the states. */
  from: Position
  /** By tenant_uid; null where it did not open: that site is read from the log's beginning. */
  states: Map<string, Json | null>
}

/** `settled` is waited for before the file takes its place: no state may tell of what is not on disk. */
export async function saveSnapshot(
  path: string,
  {
    from,
    sites,
    settled,
  }: { from: Position; sites: Iterable<SiteState>; settled(): Promise<void> },
): Promise<void> {
  const part = `${path}.part`
  const file = await open(part, 'w', 0o600)
  try {
    const head = Buffer.alloc(HEAD_BYTES)
    MAGIC.copy(head)
    head.writeUInt32BE(from.segment, 4)
    head.writeUInt32BE(from.offset, 8)
    let batch: Buffer[] = [head]
    let bytes = 0
    let count = 0
    for (const site of sites) {
      const record = encodeSite(site, from)
      count++
      batch.push(record)
      bytes += record.length
      if (bytes < BATCH_BYTES) continue
      await file.appendFile(Buffer.concat(batch)) // others get their turn
      batch = []
      bytes = 0
    }
    batch.push(MAGIC, Buffer.from(Uint32Array.of(count).buffer).swap32())
    await file.appendFile(Buffer.concat(batch))
    await file.sync()
  } finally {
    await file.close()
  }
  await settled()
  renameSync(part, path)
  syncFolder(dirname(path))
}

function encodeSite(site: SiteState, from: Position): Buffer {
  const { tenant_uid, appliance_id, storeKey, state } = site
  const sealed = seal(storeKey, Buffer.from(JSON.stringify(state)), bound(site, from))
  const bytes = Buffer.allocUnsafe(SITE_BYTES + sealed.length)
  bytes.writeUInt32BE(sealed.length, 0)
  bytes.write(tenant_uid, 4, 16, 'hex')
  bytes.write(appliance_id, 20, 16, 'hex')
  sealed.copy(bytes, SITE_BYTES)
  return bytes
}

function bound({ tenant_uid, appliance_id }: Peer, { segment, offset }: Position): Buffer {
  return aad('fold', tenant_uid, appliance_id, segment, offset)
}

/** Nothing when there is none or it is cut: the whole log is read then. */
export function loadSnapshot(
  path: string,
  keyOf: (peer: Peer) => Buffer | undefined,
): Snapshot | undefined {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const end = bytes.length - END_BYTES
  const isWhole = end >= HEAD_BYTES && [0, end].every((at) => bytes.indexOf(MAGIC, at) === at)
  if (!isWhole) return undefined
  const from = { segment: bytes.readUInt32BE(4), offset: bytes.readUInt32BE(8) }
  const states = new Map<string, Json | null>()
  let count = 0
  for (let at = HEAD_BYTES; at < end; count++) {
    if (end - at < SITE_BYTES) return undefined
    const next = at + SITE_BYTES + bytes.readUInt32BE(at)
    if (next > end) return undefined
    const tenant_uid = bytes.toString('hex', at + 4, at + 20)
    const appliance_id = bytes.toString('hex', at + 20, at + 36)
    const key = keyOf({ tenant_uid, appliance_id })
    if (key) {
      const peer = { tenant_uid, appliance_id }
      const plain = unseal(key, bytes.subarray(at + SITE_BYTES, next), bound(peer, from))
      states.set(tenant_uid, plain ? (JSON.parse(plain.toString()) as Json) : null)
    }
    at = next
  }
  return count === bytes.readUInt32BE(end + MAGIC.length) ? { from, states } : undefined
}
