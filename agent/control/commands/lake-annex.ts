/** `picket lake annex set|remove|import`: what a tenant adds to its events. */
import { resolve } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { type AnnexValue, typedText } from '../../lake/annex.ts'
import type { LakeClient } from '../lake-client.ts'
import { required } from './options.ts'

export const ANNEX_USAGE =
  'picket lake annex set --tenant T --event ID NAME=VALUE… [--data DIR] [--json]\n' +
  'picket lake annex remove --tenant T --event ID NAME… [--data DIR] [--json]\n' +
  'picket lake annex import --tenant T FILE.ndjson [--data DIR] [--json]\n'

interface AnnexRequest {
  tenant: string | undefined
  event: string | undefined
}

/** What to ask of the lake, and how to say that it was done. */
export function annexAct(
  [verb, ...operands]: readonly string[],
  { tenant, event }: AnnexRequest,
): { ask(lake: LakeClient): Promise<{ rows: number }>; inWords(done: { rows: number }): string } {
  const tenant_id = required(tenant, 'tenant')
  if (verb === 'import') {
    const path = resolve(required(operands[0], 'FILE'))
    return {
      ask: (lake) => lake.annexImport({ tenant_id, path }),
      inWords: ({ rows }) => `${rows} values imported into the annex of ${tenant_id}.`,
    }
  }
  if (verb !== 'set' && verb !== 'remove')
    throw new Failure('invalid', 'It is picket lake annex set, remove or import. Try --help.')
  const event_id = required(event, 'event').toLowerCase()
  if (operands.length === 0) throw new Failure('invalid', 'A name is missing. Try --help.')
  const values = operands.map(
    (text) =>
    verb === 'set' ? readSetting(event_id, text) : { event_id, name: text, value: null, value_type: 'text' as const }, // biome-ignore format: one line
  )
  return {
    ask: (lake) => lake.annexSet({ tenant_id, values }),
    inWords: ({ rows }) => `${rows} values ${verb === 'set' ? 'set' : 'taken away'}.`,
  }
}

/** `name=value`: the value may hold more of them. */
function readSetting(event_id: string, text: string): AnnexValue {
  const at = text.indexOf('=')
  if (at <= 0) throw new Failure('invalid', 'A value is set as NAME=VALUE. Try --help.')
  return { event_id, name: text.slice(0, at), ...typedText(text.slice(at + 1)) }
}
