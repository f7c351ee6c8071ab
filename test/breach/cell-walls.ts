/** The layers that whoever starts a cell puts around it, as picket-keys finds them on this machine. */
import { tmpdir } from 'node:os'
import { openWalls } from '../../agent/lake/walls.ts'
import type { Layer } from './attempt.ts'

export const walls = await openWalls(tmpdir())

export const OWN_USER: Layer = {
  name: 'a user of its own',
  shows: /EACCES|EPERM|Permission denied/,
  missing: walls.users ? undefined : walls.because.users,
}
export const GROUP: Layer = {
  name: "the kernel's bound of its memory",
  shows: /too-many: The question needed/,
  missing: walls.groups ? undefined : walls.because.groups,
}
