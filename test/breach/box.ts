/** A real picket-keys on a temporary folder, with two tenants and a clock that the test sets. */
import { cpSync, lstatSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '../../agent/base/log.ts'
import { initTenant } from '../../agent/control/init-tenant.ts'
import { type KeysBox, openKeysBox } from '../../agent/control/keys-box.ts'
import {
  keysForAgent,
  keysForCli,
  keysForGuard,
  keysForLake,
  keysForWeb,
  type QueryRunner,
} from '../../agent/control/keys-client.ts'
import { serveKeys } from '../../agent/control/keys-server.ts'
import type { Tenant } from '../../agent/tenancy/tenant.ts'
import { entriesOf, ifThere } from './canary.ts'

export const PASSWORD = 'correct horse battery'

export interface Folder {
  data: string
  alfa: Tenant
  zulu: Tenant
}

/** A folder with two tenants, closed. */
export async function makeFolder(): Promise<Folder> {
  const data = mkdtempSync(join(tmpdir(), 'picket-box-'))
  const alfa = await initTenant(data, { tenant_id: 'alfa' })
  const zulu = await initTenant(data, { tenant_id: 'zulu' })
  return { data, alfa, zulu }
}

/** The same folder again, to be broken. */
export function copyOf({ data }: Folder): string {
  const copy = mkdtempSync(join(tmpdir(), 'picket-copy-'))
  cpSync(data, copy, { recursive: true })
  return copy
}

export class TestClock {
  aheadMs = 0
  nowUs(): number {
    return Math.round((performance.timeOrigin + performance.now() + this.aheadMs) * 1000)
  }
  steadyMs(): number {
    return performance.now() + this.aheadMs
  }
}

/** Answers with the tenants it was handed: what a cell would get. */
const echo: QueryRunner = {
  query: async ({ tenants }) => ({
    scope: tenants.map(({ tenant_id }) => tenant_id),
    columns: ['tenant_id'],
    rows: tenants.map(({ tenant_id }) => [tenant_id]),
  }),
}

export async function startBox(folder: Folder, runner: QueryRunner = echo) {
  const clock = new TestClock()
  const { data } = folder
  const box: KeysBox = await openKeysBox({ data, log: silentLog, clock })
  const server = await serveKeys(box, runner, silentLog)
  const web = keysForWeb(data)
  const cli = keysForCli(data)
  const agent = keysForAgent(data)
  const lake = keysForLake(data)
  const guard = keysForGuard(data)
  return {
    ...{ folder, data, clock, box, web, cli, agent, lake, guard },
    /** The first admin of a tenant, with PASSWORD; and the token it got. */
    admin: async (tenant_id = 'alfa') => {
      const { code } = await cli.oneTimeLogin({ tenant_id })
      const { token } = await web.redeem({ code, source: '127.0.0.1' })
      return web.setPassword({ token, next: PASSWORD })
    },
    close: async () => {
      for (const client of [web, cli, agent, lake, guard]) client.close()
      await server.close()
      box.close()
    },
  }
}
export type Box = Awaited<ReturnType<typeof startBox>>

/** What a call is refused with, or `allowed`. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'allowed'
  } catch (error) {
    const { kind = 'unknown', message } = error as { kind?: string; message: string }
    return `${kind}: ${message}`
  }
}

/** Every file below a folder whose bytes hold one of the words. */
export function filesHolding(folder: string, words: readonly (string | Buffer)[]): string[] {
  return entriesOf(folder)
    .map((name) => join(folder, name))
    .filter((path) =>
      ifThere(() => lstatSync(path).isFile() && readFileSync(path)).some(
        (bytes) => bytes && words.some((word) => bytes.includes(word)),
      ),
    )
}
