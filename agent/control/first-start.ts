/**
 * The first start of an appliance that nobody has talked to yet: it needs a tenant before it can keep a row. Its name may
 * come with the machine as the credential `picket.tenant` (and `picket.fleet`); else it is one that no other box has. What
 * people call the site is `siteName`, and is theirs to choose at any time. Ports have the roles that the machine's profile says.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../base/config.ts'
import { shippedProfiles } from '../hardware-on-disk.ts'
import { captureOf, managementOf, viewHardware } from '../health/hardware.ts'
import { machineFacts } from '../health/machine-facts.ts'
import { writeConfig } from './keys-methods-console.ts'

const NAME_BYTES_MAX = 64
const MACHINE_ID = '/etc/machine-id'

export interface FirstNames {
  tenant: string
  fleet: string | undefined
}

export function firstNames(env: NodeJS.ProcessEnv, machineIdFile = MACHINE_ID): FirstNames {
  const credentials = env.CREDENTIALS_DIRECTORY
  const given = (name: string) => credentials && wordIn(join(credentials, name))
  return {
    tenant: given('picket.tenant') || `box-${shortName(machineIdFile)}`,
    fleet: given('picket.fleet') || undefined,
  }
}

/** Where a profile knows this machine and nobody chose before. */
export function giveRoles(data: string, root?: string): void {
  const { capture, network } = loadConfig(data)
  if (capture.interfaces.length > 0 || network.management !== undefined) return
  const view = viewHardware(machineFacts(root), shippedProfiles())
  const management = managementOf(view)
  const captured = captureOf(view)
  if (captured.length === 0 && management === undefined) return
  writeConfig(data, { capture: captured, ...(management !== undefined && { management }) })
}

/** The machine's id itself is not to be shown (machine-id(5)). */
function shortName(machineIdFile: string): string {
  const id = wordIn(machineIdFile) ?? ''
  return createHash('sha256').update(`picket/v1/box-name\0${id}`).digest('hex').slice(0, 8)
}

function wordIn(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').slice(0, NAME_BYTES_MAX).trim()
  } catch {
    return undefined
  }
}
