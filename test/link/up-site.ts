/** A site of a fleet with all its processes, in a network of its own, as `picket up` starts it; and whoever uses its pages. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initTenant } from '../../agent/control/init-tenant.ts'
import { keysForCli, keysForLink } from '../../agent/control/keys-client.ts'
import { LinkClient } from '../../agent/control/link-client.ts'
import type { Tenant } from '../../agent/tenancy/tenant.ts'
import { csrfToken } from '../../web/identity/csrf.ts'
import { picketIn } from '../demo/appliance.ts'
import type { Rooms } from '../demo/namespaces.ts'
import { listen } from '../demo/spaces.ts'
import { PicketUp } from '../lake/picket-up.ts'

const UPLINK = 'uplink0'
const REPLY_MS_MAX = 10_000
export const PASSWORD = 'a long way down the river'

export class UpSite {
  readonly data: string
  readonly tenant: Tenant
  readonly up: PicketUp
  readonly keys: ReturnType<typeof keysForCli>
  readonly linkKeys: ReturnType<typeof keysForLink>
  readonly #rooms: Rooms
  readonly #base: string
  #token = ''

  private constructor(
    data: string,
    tenant: Tenant,
    parts: { rooms: Rooms; up: PicketUp; port: number },
  ) {
    this.data = data
    this.tenant = tenant
    this.#rooms = parts.rooms
    this.up = parts.up
    this.#base = `http://127.0.0.1:${parts.port}`
    this.keys = keysForCli(data)
    this.linkKeys = keysForLink(data)
  }

  static async open(rooms: Rooms, tenant_id: string, uplink: string): Promise<UpSite> {
    const data = mkdtempSync(join(tmpdir(), `picket-${tenant_id}-`))
    mkdirSync(join(data, 'log'))
    const tenant = await initTenant(data, { tenant_id, fleet_id: 'acme' })
    const config = {
      capture: { interfaces: [UPLINK], shards: 1, ringMiB: 8 },
      network: { home: ['198.18.0.0/24'], placement: 'gateway' },
      summary: { periodSeconds: 1 },
      fleet: { announce: uplink },
    }
    writeFileSync(join(data, 'config.json'), JSON.stringify(config), { mode: 0o600 })
    const { server, port, fd } = await listen(0)
    // In the room's own view of /sys too: programs look there for their interfaces.
    const own = 'mount -t sysfs none /sys 2>/dev/null; exec "$@"'
    const words = ['unshare', '--mount', 'sh', '-c', own, 'sh', ...PicketUp.command(data)]
    const env = { ...process.env, PICKET_LISTEN_FD: '3' }
    const child = rooms.spawn('gateway', words, { stdio: ['ignore', 'pipe', 'pipe', fd], env })
    server.close() // ours; the box has its own hold on the socket
    const site = new UpSite(data, tenant, { rooms, up: new PicketUp(data, child), port })
    await site.up.ready()
    return site
  }

  /** `picket …` where this box is; what it printed, read. */
  async picket(words: readonly string[], stdin = ''): Promise<Record<string, unknown>> {
    const all = [...words, '--data', this.data, '--json']
    const { code, out } = await picketIn(this.#rooms, 'gateway', all, stdin)
    if (code !== 0) throw new Error(`picket ${words.join(' ')} ended with ${code}`)
    return JSON.parse(out)
  }

  async link<T>(use: (link: LinkClient) => Promise<T>): Promise<T> {
    const link = await LinkClient.open(this.data, 'cli')
    return use(link).finally(() => link.close())
  }

  /** The first login of a new box, by its one-time code, and the password it asks for. */
  async signIn(): Promise<void> {
    const { code } = await this.keys.oneTimeLogin({})
    await this.#enter('/first', { code })
    await this.#enter('/password', { next: PASSWORD, again: PASSWORD })
  }

  async #enter(path: string, fields: Record<string, string>): Promise<void> {
    const reply = await this.post(path, fields)
    const cookie = /__Host-picket=([\w-]{43})/.exec(reply.headers.get('set-cookie') ?? '')
    if (reply.status !== 303 || !cookie) throw new Error(`${path} answered ${reply.status}`)
    this.#token = cookie[1] as string
  }

  post(path: string, fields: Record<string, string>): Promise<Response> {
    return fetch(`${this.#base}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: this.#base, cookie: `__Host-picket=${this.#token}` },
      body: new URLSearchParams({ ...fields, csrf: csrfToken(this.#token) }),
      signal: AbortSignal.timeout(REPLY_MS_MAX),
    })
  }

  /** The accounts as the page lists them. */
  async users(): Promise<{ user_id: string; name: string }[]> {
    const reply = await fetch(`${this.#base}/api/users?limit=1000`, {
      headers: { cookie: `__Host-picket=${this.#token}` },
      signal: AbortSignal.timeout(REPLY_MS_MAX),
    })
    const { rows } = (await reply.json()) as { rows: { user_id: string; name: string }[] }
    return rows
  }

  async close(): Promise<void> {
    this.keys.close()
    this.linkKeys.close()
    await this.up.stop()
    rmSync(this.data, { recursive: true, force: true })
  }
}
