/** What the processes of the storm share: who takes part, where the prepared messages lie, what they tell each other. */
import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BoxKeys, FleetKeys } from '../../link/fleet.ts'

/** Every prepared message is sealed to the smallest size: a quiet site with a few findings. */
export const SLOT_BYTES = 4096

export interface Scene {
  /** Its `sites`: those whose summaries are queued; identities only, the carriers' certificates carry them. */
  fleet: FleetKeys
  /** Sites with certificate, outbox and connection of their own. */
  clients: BoxKeys[]
  carriers: { appliance_id: string; certificate: string; privateKey: string }[]
  /** Summaries queued by each site. */
  each: number
}

/** Told by the primary twice a second; times are `Date.now()`. */
export interface Standing {
  /** Taken in and on disk, of the queued. */
  stored: number
  /** Other verdicts, by word. */
  others: Record<string, number>
  shown: number
  allShownAt: number | null
  allStoredAt: number | null
  cpuSeconds: number
  rssMib: number
}

export function saveScene(folder: string, scene: Scene): void {
  writeFileSync(join(folder, 'scene.json'), JSON.stringify(scene))
}

export function readScene(folder: string): Scene {
  return JSON.parse(readFileSync(join(folder, 'scene.json'), 'utf8')) as Scene
}

/** Newest of all sites first, then the one before it of all sites: the order in which a fleet sends. */
export function slotOf({ fleet, each }: Scene, site: number, sequence: number): number {
  return ((each - sequence) * fleet.sites.length + site) * SLOT_BYTES
}

export function messagesPath(folder: string): string {
  return join(folder, 'messages.bin')
}

export function startProgram(name: string, args: string[]): ChildProcess {
  const program = fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
  return fork(program, args, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
}

export function cpuSeconds(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1e6
}
