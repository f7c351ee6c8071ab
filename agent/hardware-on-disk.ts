/** The profiles that come with this release. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Profiled } from './health/hardware.ts'
import { readProfile } from './health/hardware-profile.ts'

export const HARDWARE = fileURLToPath(new URL('../hardware', import.meta.url))
const PROFILES_MAX = 256

export function shippedProfiles(folder = HARDWARE): Profiled[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'profile.json')))
    .slice(0, PROFILES_MAX)
    .map(({ name }) => {
      const file = join(folder, name, 'profile.json')
      return { id: name, profile: readProfile(readFileSync(file, 'utf8'), file) }
    })
}
