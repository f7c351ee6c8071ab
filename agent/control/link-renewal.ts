/** A new certificate for an uplink, at two thirds of the life of the old: asked at the primary's door, signed by this box. */

import { createPrivateKey, createPublicKey } from 'node:crypto'
import { request } from 'node:https'
import { isIP } from 'node:net'
import * as v from 'valibot'
import type { Clock } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'
import { newUid } from '../base/ids.ts'
import { peerOfSan } from '../link/topics.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import type { LinkKeys, Uplink } from './link-keys.ts'

const LIFE_US = 90 * 86_400e6
const DOOR_MS_MAX = 15_000
const ANSWER_BYTES_MAX = 64 << 10
const Answer = v.looseObject({ certificate: v.pipe(v.string(), v.maxLength(16 << 10)) })

export function isRenewalDue(
  { certificateNotAfter }: Pick<Uplink, 'certificateNotAfter'>,
  nowUs: number,
): boolean {
  return nowUs > certificateNotAfter - LIFE_US / 3
}

export async function renew(
  uplink: Uplink,
  tenant: Tenant,
  { keys, clock }: { keys: Pick<LinkKeys, 'sign' | 'renewed'>; clock: Clock },
): Promise<void> {
  const publicKey = createPublicKey(createPrivateKey(uplink.privateKey))
  const body = {
    tenant_uid: tenant.tenant_uid,
    appliance_id: tenant.appliance_id,
    tlsSpki: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    at: clock.nowUs(),
    nonce: newUid(),
  }
  const envelope = await keys.sign({ type: 'cert-renew', body })
  const answer = await post(uplink, JSON.stringify(envelope))
  const { certificate } = v.parse(Answer, answer)
  await keys.renewed({ uplink_id: uplink.uplink_id, certificate })
}

/** The door is believed by the fleet's CA and the primary's identity; its host name may have changed. */
function post({ door, ca, receiver }: Uplink, text: string): Promise<unknown> {
  const { hostname, port } = new URL(door)
  const host = hostname.replace(/^\[|\]$/g, '')
  return new Promise((done, fail) => {
    const away = (error: Error) =>
      fail(
        new Failure('unavailable', `The door ${door} did not answer: ${error.message}.`, {}, error),
      )
    const sent = request(
      {
        ...{ host, port, method: 'POST', path: '/v1/renew', ca, agent: false },
        ...(isIP(host) ? {} : { servername: host }),
        minVersion: 'TLSv1.3',
        timeout: DOOR_MS_MAX,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
        checkServerIdentity: (_host, { subjectaltname }) => {
          const peer = peerOfSan(subjectaltname)
          const same =
            peer?.appliance_id === receiver.appliance_id && peer.tenant_uid === receiver.tenant_uid
          return same ? undefined : new Error('another appliance answers there')
        },
      },
      (response) => {
        const chunks: Buffer[] = []
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > ANSWER_BYTES_MAX) response.destroy(new Error('the answer is too long'))
          else chunks.push(chunk)
        })
        response.once('error', away)
        response.once('end', () => {
          if (response.statusCode !== 200)
            return fail(new Failure('refused', `The door did not renew: ${response.statusCode}.`))
          try {
            done(JSON.parse(Buffer.concat(chunks).toString()))
          } catch (error) {
            away(error as Error)
          }
        })
      },
    )
    sent.once('timeout', () => sent.destroy(new Error('too late')))
    sent.once('error', away)
    sent.end(text)
  })
}
