/** Which boundaries of the threat model are real on this machine, found by looking, not by hoping. */
import { existsSync, readFileSync } from 'node:fs'
import koffi from 'koffi'
import { noNetwork } from '../lake/confined-child.ts'
import { openWalls } from '../lake/walls.ts'
import { childSocket } from './box-folders.ts'

export interface Boundary {
  name: string
  real: boolean
  because: string
}

const CAP_NET_ADMIN = 12
const CAP_NET_RAW = 13
const SYS_LANDLOCK_CREATE_RULESET = 444
const LANDLOCK_VERSION = 1

/** `data`: whose files cells are shown. */
export async function boundaries(data: string): Promise<Boundary[]> {
  const capabilities = effectiveCapabilities()
  const has = (bit: number) => ((capabilities >> BigInt(bit)) & 1n) === 1n
  const landlock = landlockAbi()
  const isBySystemd = existsSync(childSocket(data, 'cell'))
  const walls = await openWalls(data, isBySystemd)
  await walls.close()
  const { users, groups, because } = walls
  const hasNoNetwork = isBySystemd || noNetwork().length > 0
  return [
    {
      name: 'capture',
      real: has(CAP_NET_RAW),
      because: has(CAP_NET_RAW)
        ? 'CAP_NET_RAW is held'
        : 'CAP_NET_RAW is missing: only capture files can be read',
    },
    {
      name: 'containment',
      real: has(CAP_NET_ADMIN),
      because: has(CAP_NET_ADMIN)
        ? 'CAP_NET_ADMIN is held'
        : 'CAP_NET_ADMIN is missing: nothing can be enforced from here',
    },
    {
      name: 'separate users',
      real: isBySystemd || users !== undefined,
      because: because.users,
    },
    {
      name: 'bounded memory',
      real: isBySystemd || groups !== undefined,
      because: because.groups,
    },
    {
      name: 'cell without network',
      real: hasNoNetwork,
      because: hasNoNetwork
        ? 'each gets an empty network of its own'
        : 'network namespaces cannot be made here',
    },
    {
      name: 'landlock',
      real: landlock > 0,
      because:
        landlock > 0
          ? `the kernel has Landlock, ABI ${landlock}`
          : 'the kernel has no Landlock: a cell is confined by its engine and user only',
    },
  ]
}

function effectiveCapabilities(): bigint {
  const match = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))
  return BigInt(`0x${match?.[1] ?? '0'}`)
}

/** The Landlock ABI of the kernel (landlock_create_ruleset(2) with the version flag); 0 when it has none. */
function landlockAbi(): number {
  const syscall = koffi.load('libc.so.6').func('long syscall(long, void *, size_t, uint32_t)')
  return Math.max(0, Number(syscall(SYS_LANDLOCK_CREATE_RULESET, null, 0, LANDLOCK_VERSION)))
}
