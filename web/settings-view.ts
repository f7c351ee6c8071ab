/** The effective configuration, each setting with its meaning; there is no secret among them. */
import type { Config } from '../agent/base/config.ts'
import type { SettingsView } from './base/ports.ts'

const MEANING = {
  capture: {
    title: 'Capture',
    interfaces: 'Ports that are captured. None: the site says that it is blind.',
    shards: 'Workers a port; flows are spread over them.',
    ringMiB: 'Ring between kernel and worker, in MiB a worker.',
  },
  network: {
    title: 'Network',
    home: 'What counts as inside.',
    management: 'Port with the address of this box; set on its own screen.',
    line: 'Two ports that are one wire with the box in it; set on its own screen.',
    placement: 'Where the box sits: this decides what it can enforce.',
  },
  contain: {
    title: 'Containment',
    policy: 'propose waits for a person; automatic acts alone, on proven evidence only.',
    neverBlock: 'Never blocked, beside the gateway, resolver and controllers that are seen.',
    durationMinutes: 'How long a block lasts, in minutes.',
    additionsPerMinute: 'New blocks a minute at most.',
    liveMax: 'Blocks in force at one time at most.',
  },
  health: {
    title: 'Health',
    blindAfterSeconds: 'Seconds without a frame until a port counts as blind.',
    rulesStaleDays: 'Days until rules count as stale.',
    selfTestMinutes: 'Minutes between two self-tests.',
  },
  lake: {
    title: 'Lake',
    settleSeconds: 'Seconds until what was recorded is settled and can be asked.',
    compactFiles: 'Hot files that are joined into one.',
    retentionDays:
      'Days that rows are kept: a promise, checked daily. A site may set other days by kind.',
    bytes: 'Disk for the lake of one tenant; 0: a fair part. At it the oldest files are retired.',
  },
  journal: {
    title: 'Journal',
    bytes: 'Disk for rows that wait for the lake; at it new ones are refused and counted.',
  },
  ring: {
    title: 'Packet ring',
    bytes: 'Raw frames that are kept, encrypted: bytes of disk at most; 0 keeps none.',
  },
  web: {
    title: 'This page',
    host: 'Address it is served on.',
    port: 'Port it is served on.',
    https: 'With a certificate of its own. Without, TLS has to stand in front of it.',
  },
} as const

export function settingsView(config: Config, file: string): SettingsView {
  return {
    file,
    groups: Object.entries(MEANING).map(([group, { title, ...meanings }]) => ({
      title,
      settings: Object.entries(meanings).map(([name, meaning]) => ({
        name: `${group}.${name}`,
        value: shown((config[group as keyof typeof MEANING] as Record<string, unknown>)[name]),
        meaning,
      })),
    })),
  }
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length > 0 ? value.join(', ') : 'none'
  return value === undefined ? 'not chosen' : String(value)
}
