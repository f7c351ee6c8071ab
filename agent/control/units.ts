/**
 * The programs of a box: in which order they start, what each may do, how it is known to be ready. One
 * table for the supervisor (`picket up`) and for systemd (`picket install`).
 */
import { fileURLToPath } from 'node:url'
import type { ServerName } from './sockets.ts'

export type UnitName = 'keys' | 'guard' | 'lake' | 'agent' | 'link' | 'web'

export interface Unit {
  name: UnitName
  summary: string
  /** Absolute path of the program. */
  program: string
  /** It starts when these are ready: nothing of it works without them. */
  after: readonly UnitName[]
  /** Ready when its cli socket answers; `listen`: when its HTTP port does. */
  ready: ServerName | 'listen'
  /**
   * All it may ever do, as the kernel names capabilities without CAP_. `undefined`: not narrowed, because
   * it starts cells under other users and without a network.
   */
  capabilities: readonly string[] | undefined
  /** No network of its own: unix sockets only. */
  offline: boolean
  /** Environment it gets besides INHERITED. */
  environment: readonly string[]
}

/** D25: no prototype door, no inspector by signal. */
export const NODE_FLAGS = ['--disable-proto=delete', '--disable-sigusr1'] as const

/**
 * All that a program gets of its starter's environment: no NODE_OPTIONS, no LD_PRELOAD, no tokens. The compile cache is
 * a folder of whoever starts us: from a clone a program then starts in 0.06 s of processor time and not in 0.23.
 */
export const INHERITED = [
  ...['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'],
  ...['PICKET_LOG', 'NODE_COMPILE_CACHE'],
] as const

/** Restarted whenever it ends, sooner at first; a program that dies at once must not take the processor. */
export const RESTART = { firstMs: 100, mostMs: 5_000, steadyMs: 10_000 } as const

/** How long a program may take to put down what it holds before it is killed. */
export const STOP_MS_MAX = 20_000

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export const UNITS: readonly Unit[] = [
  {
    name: 'keys',
    summary: 'holds the keys, signs, opens cells',
    program: at('./run-keys.ts'),
    after: [],
    ready: 'keys',
    capabilities: undefined,
    offline: true,
    environment: [],
  },
  {
    name: 'guard',
    summary: 'enforces containment',
    program: at('./run-guard.ts'),
    after: ['keys'],
    ready: 'guard',
    capabilities: ['net_admin'],
    offline: false,
    environment: [],
  },
  {
    name: 'lake',
    summary: 'settles, compacts, keeps the catalog',
    program: at('./run-lake.ts'),
    after: ['keys'],
    ready: 'lake',
    capabilities: [],
    offline: true,
    environment: [],
  },
  {
    name: 'agent',
    summary: 'captures, decodes, detects',
    program: at('../main.ts'),
    after: ['keys', 'guard', 'lake'],
    ready: 'agent',
    // net_admin: to turn segment merging off on the capture port, and nothing else.
    capabilities: ['net_raw', 'net_admin'],
    offline: false,
    environment: [],
  },
  {
    name: 'link',
    summary: 'sends summaries, receives those of a fleet',
    program: at('./run-link.ts'),
    after: ['keys'],
    ready: 'link',
    capabilities: [],
    offline: false,
    environment: [],
  },
  {
    name: 'web',
    summary: 'serves the pages',
    program: at('../../web/main.ts'),
    after: ['keys'],
    ready: 'listen',
    capabilities: [],
    offline: false,
    environment: ['PICKET_LISTEN_FD'],
  },
]

/** The environment of one unit out of ours. */
export function environmentOf(unit: Unit, ours: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept: NodeJS.ProcessEnv = {}
  for (const name of [...INHERITED, ...unit.environment])
    if (ours[name] !== undefined) kept[name] = ours[name]
  return kept
}
