/** What `picket fleet` asks the running picket-link: how the fleet stands, and the evidence for it. */
import { Failure } from '../../base/failure.ts'
import { writeWhole } from '../../base/files.ts'
import type { Envelope } from '../../base/signing.ts'
import type { PublicKeyRecord } from '../../keys/signer.ts'
import { LinkClient } from '../link-client.ts'
import { receivedInWords, statusInWords, uplinksInWords } from './fleet-words.ts'
import { required } from './options.ts'

export const ASKED = ['status', 'uplinks', 'received'] as const
export type Asked = (typeof ASKED)[number]

interface Answer {
  json: unknown
  words: string[]
}

export async function askLink(
  data: string,
  verb: Asked,
  values: { tenant?: string; out?: string },
): Promise<Answer> {
  const link = await LinkClient.open(data, 'cli')
  try {
    if (verb === 'status') {
      const json = await link.fleet({})
      return { json, words: statusInWords(json) }
    }
    if (verb === 'received' && values.out !== undefined) {
      const tenant_id = required(values.tenant, 'tenant')
      const { envelopes, keys } = await link.evidence({ tenant_id })
      return evidenceAnswer(values.out, envelopes, keys)
    }
    if (verb === 'received') {
      const json = await link.received(values.tenant ? { tenant_id: values.tenant } : {})
      return { json, words: receivedInWords(json.summaries) }
    }
    const json = await link.uplinks()
    return { json, words: uplinksInWords(json.uplinks) }
  } finally {
    link.close()
  }
}

/** Two files that go together: what was signed, and the key that it was signed with. */
function evidenceAnswer(out: string, envelopes: Envelope[], keys: PublicKeyRecord[]): Answer {
  if (envelopes.length === 0) throw new Failure('not-found', 'Nothing was received of that site.')
  const signed = `${out}.ndjson`
  const known = `${out}.keys.json`
  writeWhole(signed, `${envelopes.map((each) => JSON.stringify(each)).join('\n')}\n`)
  writeWhole(known, `${JSON.stringify(keys, null, 1)}\n`)
  const words = [
    `${envelopes.length} signed summaries in ${signed}, the site's public key in ${known}.`,
    `Anywhere, without a network: picket verify ${signed} --keys ${known}`,
  ]
  return { json: { signed, keys: known, summaries: envelopes.length }, words }
}
