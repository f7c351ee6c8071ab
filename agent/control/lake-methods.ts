/** What picket-lake answers, one table a caller. */
import * as v from 'valibot'
import { EVENT_KINDS } from '../base/event.ts'
import { Failure } from '../base/failure.ts'
import { SLUG, UID } from '../base/ids.ts'
import { ANNEX_EVENT_VALUES_MAX } from '../lake/annex.ts'
import { ANNEX_LEVEL, type FileRow } from '../lake/catalog.ts'
import type { Lake } from '../lake/lake.ts'
import { EVERY_KIND } from '../lake/retention-rules.ts'
import type { ClientOf, LakeCalls } from './keys-client.ts'
import type { LakeFile, LakeFiles } from './lake-client.ts'
import type { Methods } from './rpc.ts'

const TENANTS_MAX = 10_000
const DAYS_MAX = 36_500

const Files = v.strictObject({
  tenant_uids: v.pipe(v.array(v.pipe(v.string(), v.regex(UID))), v.maxLength(TENANTS_MAX)),
  from_us: v.optional(v.number()),
  to_us: v.optional(v.number()),
  rule_id: v.optional(v.string()),
  host: v.optional(v.string()),
})
const Import = v.strictObject({
  tenant_id: v.pipe(v.string(), v.regex(SLUG)),
  path: v.string(),
  annex: v.optional(v.boolean(), false),
})
const AnnexImport = v.omit(Import, ['annex'])
const Annex = v.strictObject({
  tenant_id: Import.entries.tenant_id,
  values: v.pipe(
    v.array(
      v.strictObject({
        event_id: v.string(),
        name: v.string(),
        value: v.nullable(v.string()),
        value_type: v.picklist(['text', 'number', 'boolean', 'json']),
      }),
    ),
    v.maxLength(ANNEX_EVENT_VALUES_MAX),
  ),
})
const Export = v.strictObject({
  tenant_id: Import.entries.tenant_id,
  path: v.string(),
  format: v.optional(v.picklist(['parquet', 'ndjson']), 'parquet'),
})
const Retention = v.strictObject({
  tenant_id: v.pipe(v.string(), v.regex(SLUG)),
  kind: v.picklist([EVERY_KIND, ...EVENT_KINDS]),
  days: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(DAYS_MAX))),
})
const Closed = v.strictObject({ path: v.string() })

function parse<T extends v.GenericSchema>(schema: T, params: unknown): v.InferOutput<T> {
  const result = v.safeParse(schema, params)
  if (result.success) return result.output
  throw new Failure('invalid', `${result.issues[0].message}.`)
}

/** `flow/30-days`: a word of the trail. */
export function retentionWord(kind: string, days: number | null): string {
  return `${kind}/${days === null ? 'as-all' : `${days}-days`}`
}

function retentionMethods(lake: Lake, client: Pick<ClientOf<LakeCalls>, 'audit'>) {
  const setRetention = async (params: unknown) => {
    const { tenant_id, ...change } = parse(Retention, params)
    return { deleted: (await lake.setRetention(tenant_id, change)) ?? null }
  }
  return {
    setRetention,
    wouldRetire: async (params: unknown) => {
      const { tenant_id, ...change } = parse(Retention, params)
      return { deletes: (await lake.wouldRetire(tenant_id, change)) ?? null }
    },
    /** For the console. */
    setAudited: async (params: unknown) => {
      const { tenant_id, kind, days } = parse(Retention, params)
      const line = { verb: 'retention.changed', subject: retentionWord(kind, days), tenant_id }
      await client.audit({ ...line, outcome: 'intent' })
      try {
        const done = await setRetention(params)
        await client.audit({ ...line, outcome: 'done' })
        return done
      } catch (error) {
        await client.audit({ ...line, outcome: 'failed' })
        throw error
      }
    },
  }
}

export type LakeMethods = Record<'agent' | 'keys' | 'cli' | 'link', Methods>

export function lakeMethods(
  lake: Lake,
  work: () => Promise<{ rows: number }>,
  client: Pick<ClientOf<LakeCalls>, 'audit'>,
): LakeMethods {
  const status = () => lake.status()
  /** Nothing goes in or out by hand before its line is on disk. */
  const audited = async <T extends { rows: number }>(
    verb: string,
    tenant_id: string,
    act: () => Promise<T>,
  ): Promise<T> => {
    const line = { verb, subject: tenant_id, tenant_id }
    await client.audit({ ...line, outcome: 'intent' })
    try {
      const result = await act()
      await client.audit({ ...line, count: result.rows, outcome: 'done' })
      return result
    } catch (error) {
      await client.audit({ ...line, outcome: 'failed' })
      throw error
    }
  }
  const { wouldRetire, setRetention, setAudited } = retentionMethods(lake, client)
  return {
    agent: {
      segmentClosed: (params) => {
        const { path } = parse(Closed, params)
        if (!lake.isJournal(path)) throw new Failure('refused', 'That is no segment of a journal.')
        work().catch(() => {}) // the timer meets the same fault and reports it
      },
    },
    keys: {
      status,
      wouldRetire,
      setRetention, // picket-keys has written its line: it knows who asks
      files: async (params): Promise<LakeFiles> => {
        const { tenant_uids, ...filter } = parse(Files, params)
        if (tenant_uids.some((uid) => !lake.knows(uid))) await lake.refresh()
        return {
          tenants: tenant_uids.map((tenant_uid) => {
            const { generation, files, annex } = lake.files(tenant_uid, filter)
            const all = [...files, ...annex].map((file) => asLakeFile(tenant_uid, file))
            return { tenant_uid, generation, files: all }
          }),
        }
      },
    },
    cli: {
      status,
      wouldRetire,
      setRetention: setAudited,
      settle: () => work(),
      invariants: () => lake.invariants(),
      import: (params) => {
        const { tenant_id, path, annex } = parse(Import, params)
        return audited('lake.import', tenant_id, () => lake.import(tenant_id, path, { annex }))
      },
      annexSet: (params) => {
        const { tenant_id, values } = parse(Annex, params)
        return audited('lake.annex', tenant_id, () => lake.setAnnex(tenant_id, values))
      },
      annexImport: (params) => {
        const { tenant_id, path } = parse(AnnexImport, params)
        return audited('lake.annex', tenant_id, () => lake.importAnnex(tenant_id, path))
      },
      export: (params) => {
        const { tenant_id, ...request } = parse(Export, params)
        return audited('lake.export', tenant_id, () => lake.export(tenant_id, request))
      },
    },
    link: { status },
  }
}

function asLakeFile(
  tenant_uid: string,
  { level, path, bytes, rows, sha256, epoch, from_us, to_us }: FileRow,
): LakeFile {
  // biome-ignore format: one line
  const tier = level === 0 ? 1 : 2
  const about = { tenant_uid, path, bytes, rows, sha256, epoch, from_us, to_us }
  return level === ANNEX_LEVEL ? about : { ...about, tier }
}
