/**
 * The programs of a box: in which order they start, what each may do, how it is known to be ready. One
 * table for the supervisor (`picket up`) and for systemd (`picket install`, the image).
 */
import { fileURLToPath } from 'node:url'
import type { ServerName } from './sockets.ts'

export type UnitName = 'keys' | 'guard' | 'lake' | 'agent' | 'link' | 'web'

/** Folders that several users write: each has a group of that name. */
export type SharedFolder = 'journal' | 'tenants' | 'ring'

export interface Unit {
  name: UnitName
  /** Its user and group under systemd. On the appliance they never change: files outlive an update. */
  uid: number
  shares: readonly SharedFolder[]
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
  /** In place of them where systemd starts its children (`CHILDREN`). */
  systemdCapabilities?: readonly string[]
  /** No network of its own: unix sockets only. */
  offline: boolean
  /** Kinds of sockets besides AF_UNIX. */
  families: readonly string[]
  /** Past it the kernel ends it. */
  memoryMiB: number
  /** So long may it not show that it does its duty (`duty.ts`) before it is started anew. */
  watchdogSeconds: number
  /** Environment it gets besides INHERITED. */
  environment: readonly string[]
}

/** A process that picket-keys wants per question: under systemd it is activated by a socket, one process a connection. */
export interface Child {
  name: 'cell' | 'cut' | 'sql-guard'
  summary: string
  program: string
  /** The one shared folder it sees, to read. */
  reads: SharedFolder | undefined
  memoryMiB: number
  /** Whatever it does, it ends then. */
  runSecondsMax: number
  /** At once. */
  countMax: number
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
    uid: 701,
    shares: ['journal', 'tenants', 'ring'],
    summary: 'holds the keys, signs, opens cells',
    program: at('./run-keys.ts'),
    after: [],
    ready: 'keys',
    capabilities: undefined,
    systemdCapabilities: ['kill'], // to end a cell at its limit, whatever it does
    offline: true,
    families: [],
    memoryMiB: 512,
    watchdogSeconds: 60,
    environment: [],
  },
  {
    name: 'guard',
    uid: 702,
    shares: [],
    summary: 'enforces containment',
    program: at('./run-guard.ts'),
    after: ['keys'],
    ready: 'guard',
    capabilities: ['net_admin'],
    offline: false,
    families: ['AF_NETLINK'],
    memoryMiB: 256,
    watchdogSeconds: 60,
    environment: [],
  },
  {
    name: 'lake',
    uid: 703,
    shares: ['journal', 'tenants', 'ring'],
    summary: 'settles, compacts, keeps the catalog',
    program: at('./run-lake.ts'),
    after: ['keys'],
    ready: 'lake',
    capabilities: [],
    offline: true,
    families: [],
    memoryMiB: 1536,
    watchdogSeconds: 180,
    environment: [],
  },
  {
    name: 'agent',
    uid: 704,
    shares: ['journal', 'ring'],
    summary: 'captures, decodes, detects',
    program: at('../main.ts'),
    after: ['keys', 'guard', 'lake'],
    ready: 'agent',
    // net_admin: to turn segment merging off on the capture port, and nothing else.
    capabilities: ['net_raw', 'net_admin'],
    offline: false,
    families: ['AF_NETLINK', 'AF_PACKET'],
    memoryMiB: 1536,
    watchdogSeconds: 60,
    environment: [],
  },
  {
    name: 'link',
    uid: 705,
    shares: [],
    summary: 'sends summaries, receives those of a fleet',
    program: at('./run-link.ts'),
    after: ['keys'],
    ready: 'link',
    capabilities: [],
    offline: false,
    families: ['AF_INET', 'AF_INET6', 'AF_NETLINK'],
    memoryMiB: 512,
    watchdogSeconds: 120,
    environment: [],
  },
  {
    name: 'web',
    uid: 706,
    shares: [],
    summary: 'serves the pages',
    program: at('../../web/main.ts'),
    after: ['keys'],
    ready: 'listen',
    capabilities: [],
    offline: false,
    families: ['AF_INET', 'AF_INET6', 'AF_NETLINK'],
    memoryMiB: 512,
    watchdogSeconds: 60,
    environment: ['PICKET_LISTEN_FD'],
  },
]

/** One worker thread, so that what confines it confines all queries; nothing of our environment. */
export const CHILD_ENVIRONMENT = [
  'UV_THREADPOOL_SIZE=1',
  'UV_USE_IO_URING=0',
  'TZ=UTC',
  'PICKET_ACTIVATED=1',
] as const

export const CHILDREN: readonly Child[] = [
  {
    name: 'cell',
    summary: "one scope's keys and files",
    program: at('./run-cell.ts'),
    reads: 'tenants',
    memoryMiB: 2048, // it has a limit of its own by the machine (cell-room.ts); this one is the kernel's
    runSecondsMax: 3600,
    countMax: 24,
  },
  {
    name: 'cut',
    summary: 'finds frames in a packet ring',
    program: at('./run-cut.ts'),
    reads: 'ring',
    memoryMiB: 640,
    runSecondsMax: 240,
    countMax: 8,
  },
  {
    name: 'sql-guard',
    summary: 'judges questions, knows nothing',
    program: at('./run-sql-guard.ts'),
    reads: undefined,
    memoryMiB: 512,
    runSecondsMax: 86_400,
    countMax: 4,
  },
]

/** The environment of one unit out of ours. */
export function environmentOf(unit: Unit, ours: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept: NodeJS.ProcessEnv = {}
  for (const name of [...INHERITED, ...unit.environment])
    if (ours[name] !== undefined) kept[name] = ours[name]
  return kept
}
