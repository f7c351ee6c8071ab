/** What this machine has to hold a confined process in, besides what the process gives up itself: found by trying, once. */
import { closeSync, existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ControlGroups } from './control-groups.ts'
import { OwnUsers } from './own-user.ts'
import { mountFor } from './shown-folders.ts'

export interface Walls {
  users: OwnUsers | undefined
  groups: ControlGroups | undefined
  /** Why these are there, or are not: for people. */
  because: { users: string; groups: string }
  /** When their processes have been ended. */
  close(): Promise<void>
}

/** `activated-child.ts`: each has a unit of its own. */
const OF_SYSTEMD: Walls = {
  ...{ users: undefined, groups: undefined },
  because: {
    users: 'systemd gives each cell, cutter and guard of SQL a user of its own',
    groups: 'systemd bounds their memory and threads',
  },
  close: async () => {},
}

/** `data` is what will be shown to them: its owner must be us, its file system must be able to. */
export async function openWalls(
  data: string,
  isBySystemd = process.env.PICKET_CHILDREN !== undefined,
): Promise<Walls> {
  if (isBySystemd) return OF_SYSTEMD
  const [users, about] = await openUsers(data)
  const groups = ControlGroups.open()
  return {
    ...{ users, groups },
    because: {
      users: about,
      groups: groups
        ? `the kernel bounds their memory and threads (control groups, version ${groups.version})`
        : 'no control group can be made here: their memory is watched, and ended when it is too much',
    },
    close: async () => {
      await groups?.close()
      users?.close()
    },
  }
}

async function openUsers(data: string): Promise<[OwnUsers | undefined, string]> {
  if (process.getuid?.() !== 0)
    return [undefined, 'all processes are one user: the code is the same, the promise is not']
  if (isInsideUserNamespace())
    return [undefined, 'root of a user namespace has no other users to give']
  let users: OwnUsers | undefined
  try {
    const folder = existing(resolve(data))
    if (statSync(folder).uid !== 0) throw new Error('the data folder belongs to another user')
    users = OwnUsers.open()
    await tryOne(users, folder)
    return [users, 'each cell, cutter and guard of SQL runs under a user of its own']
  } catch (error) {
    users?.close()
    return [undefined, `cells run as root: ${(error as Error).message}`]
  }
}

async function tryOne(users: OwnUsers, data: string): Promise<void> {
  const user = users.take()
  if (!user) throw new Error('every user of their range is in use')
  try {
    closeSync(mountFor(data, await user.mapping))
  } finally {
    user.release()
  }
}

/** Before `picket init` there is only the folder that it will lie in. */
function existing(folder: string): string {
  return existsSync(folder) ? folder : existing(dirname(folder))
}

/** The first user namespace maps all ids to themselves. */
export function isInsideUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/m.test(readFileSync('/proc/self/uid_map', 'utf8'))
}
