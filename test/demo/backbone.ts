/** The network between the sites: one bridge in a room of its own, a cable to each gateway that can be pulled. */
import type { Namespaces } from './namespaces.ts'
import type { SiteScenario } from './scenario.ts'

export const BACKBONE = 'backbone'
const PORT = 'uplink0'
const LENGTH = 24

export function buildBackbone(
  rooms: Namespaces,
  sites: readonly Pick<SiteScenario, 'tenant_id' | 'uplink'>[],
): void {
  const batch = (room: string, lines: readonly string[]) =>
    rooms.run(room, ['ip', '-batch', '-'], `${lines.join('\n')}\n`)
  batch(BACKBONE, ['link set lo up', 'link add sites type bridge', 'link set sites up'])
  for (const { tenant_id, uplink } of sites) {
    const gateway = `${tenant_id}/gateway`
    const far = farEnd(tenant_id)
    batch(BACKBONE, [
      `link add ${far} type veth peer name ${PORT}`,
      `link set ${PORT} netns ${rooms.pid(gateway)}`,
      `link set ${far} master sites`,
      `link set ${far} up`,
    ])
    batch(gateway, [`addr add ${uplink}/${LENGTH} dev ${PORT}`, `link set ${PORT} up`])
  }
}

export function cutUplink(rooms: Namespaces, tenant_id: string): void {
  rooms.run(BACKBONE, ['ip', 'link', 'set', farEnd(tenant_id), 'down'])
}

export function mendUplink(rooms: Namespaces, tenant_id: string): void {
  rooms.run(BACKBONE, ['ip', 'link', 'set', farEnd(tenant_id), 'up'])
}

/** Interface names hold 15 characters. */
function farEnd(tenant_id: string): string {
  return `up-${tenant_id}`.slice(0, 15)
}
