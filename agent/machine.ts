/** The machine as a page may ask for it: what it is made of, which port does what, how its drives are. */
import type { Config } from './base/config.ts'
import type { MachineView } from './control/agent-client.ts'
import { shippedProfiles } from './hardware-on-disk.ts'
import { lastDriveNotes } from './health/drive-notes.ts'
import { roleNow, viewHardware } from './health/hardware.ts'
import { machineFacts } from './health/machine-facts.ts'

/** A drive's heat is asked of the drive: not as often as somebody reloads a page. */
const LOOK_MS_MIN = 5_000

export interface MachineOptions {
  data: string
  config: Pick<Config, 'capture' | 'network'>
  steadyMs(): number
  /** Another tree than `/` in a test. */
  root?: string
}

/** Gives how it is now, or was seconds ago. */
export function machine({ data, config, steadyMs, root }: MachineOptions): () => MachineView {
  const profiles = shippedProfiles()
  const { capture, network } = config
  const chosen = { capture: capture.interfaces, management: network.management ?? null, line: network.line ?? [] } // biome-ignore format: one line
  let last: MachineView | undefined
  let lookedMs = -Infinity
  return () => {
    const nowMs = steadyMs()
    if (last && nowMs - lookedMs < LOOK_MS_MIN) return last
    const view = viewHardware(machineFacts(root), profiles)
    const notes = lastDriveNotes(data)
    lookedMs = nowMs
    last = {
      ...view,
      ports: view.ports.map((each) => ({ ...each, now: roleNow(each, chosen) })),
      drives: notes?.drives ?? [],
      drivesAt: notes ? notes.atMs * 1000 : null,
    }
    return last
  }
}
