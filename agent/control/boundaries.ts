/** Which boundaries of the threat model are real on this machine, found by looking, not by hoping. */
import { readFileSync } from 'node:fs'
import koffi from 'koffi'
import { openWalls } from '../lake/walls.ts'

export interface Boundary {
  name: string
  real: boolean
  because: string
}

const CAP_NET_ADMIN = 12
const CAP_NET_RAW = 13
const CAP_SYS_ADMIN = 21
const SYS_LANDLOCK_CREATE_RULESET = 444
const LANDLOCK_VERSION = 1

/** `data`: whose files cells are shown. */
export async function boundaries(data: string): Promise<Boundary[]> {
  const capabilities = effectiveCapabilities()
  const has = (bit: number) => ((capabilities >> BigInt(bit)) & 1n) === 1n
  const landlock = landlockAbi()
  const walls = await openWalls(data)
  await walls.close()
  const { users, groups, because } = walls
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
      real: users !== undefined,
      because: because.users,
    },
    {
      name: 'bounded memory',
      real: groups !== undefined,
      because: because.groups,
    },
    {
      name: 'cell without network',
      real: has(CAP_SYS_ADMIN),
      because: has(CAP_SYS_ADMIN)
        ? 'network namespaces can be made'
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
