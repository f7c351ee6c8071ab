/**
 * Who owns what on a box, where each process is a user of its own: as text for systemd-sysusers and systemd-tmpfiles. A
 * folder of several has a group; a folder of a socket belongs to the server and lets the caller's group in. What is made
 * in a folder later is for whom the folder is (`base/files.ts`).
 */
import { CALLERS, type ServerName } from './sockets.ts'
import { type SharedFolder, UNITS, type UnitName } from './units.ts'

/** Users that are no unit of the table. */
export const CONSOLE = { name: 'console', uid: 707 } as const
export const GROUP_IDS: Readonly<Record<SharedFolder, number>> = {
  journal: 721,
  tenants: 722,
  ring: 723,
}

/** Names of users and groups, as `ls -l` shows them. */
export const userOf = (name: UnitName | typeof CONSOLE.name) => `picket-${name}`
export const groupOf = (folder: SharedFolder) => `picket-${folder}`

/** Where systemd listens for those that picket-keys wants started. */
export const childSocket = (data: string, name: string) => `${data}/run/children/${name}.sock`

/** With fixed numbers where files outlive the system that made them: the appliance's data partition. */
export function sysusersText(data: string, isFixed: boolean): string {
  const id = (number: number) => (isFixed ? String(number) : '-')
  return [
    ...UNITS.map(({ name, uid }) => `u ${userOf(name)} ${id(uid)} "Picket ${name}" ${data} -`),
    `u ${userOf(CONSOLE.name)} ${id(CONSOLE.uid)} "Picket console" ${data} -`,
    ...Object.entries(GROUP_IDS).map(
      ([name, gid]) => `g ${groupOf(name as SharedFolder)} ${id(gid)}`,
    ),
    ...UNITS.flatMap(({ name, shares }) =>
      shares.map((each) => `m ${userOf(name)} ${groupOf(each)}`),
    ),
    '',
  ].join('\n')
}

/** Only its own, or with the group of `shared` for those that share it. */
const OWN: readonly [folder: string, unit: UnitName][] = [
  ['guard', 'guard'],
  ['agent', 'agent'],
  ['link', 'link'],
  ['lake', 'lake'],
]

export function tmpfilesText(data: string, firstConfig: string, isAppliance: boolean): string {
  const keys = userOf('keys')
  const lines = [
    // picket-keys has platform.db in it; what others have there it can neither move nor remove.
    `d ${data} 1775 root ${keys}`,
    `f ${data}/config.json 0644 ${keys} ${keys} - ${firstConfig}`,
    // Its public.json is for all; its other files are 0600.
    `d ${data}/keys 0711 ${keys} ${keys}`,
    // picket-lake says how much room the trail takes; its lines are 0600.
    `d ${data}/audit 0750 ${keys} ${userOf('lake')}`,
    ...Object.keys(GROUP_IDS).map(
      (name) => `d ${data}/${name} 2770 ${keys} ${groupOf(name as SharedFolder)}`,
    ),
    ...OWN.map(([folder, unit]) => `d ${data}/${folder} 0700 ${userOf(unit)} ${userOf(unit)}`),
    // Its certificate is for the console; its key is 0600.
    `d ${data}/web 0711 ${userOf('web')} ${userOf('web')}`,
    `d ${data}/rules 0755 root root`,
    // For the roles of the ports (appliance-units.ts); networkd looks there.
    ...(isAppliance
      ? ['d /run/systemd/network 0755 root root', `d ${data}/disks 0755 root root`]
      : []),
    `D ${data}/run 0711 root root`,
    `d ${data}/run/children 0711 root root`,
    ...Object.entries(CALLERS).flatMap(([server, callers]) =>
      doors(data, server as ServerName, callers),
    ),
  ]
  return `${lines.join('\n')}\n`
}

/** `cli` is root's: no user of the appliance has it. */
function doors(data: string, server: ServerName, callers: readonly string[]): string[] {
  const owner = userOf(server)
  return [
    `d ${data}/run/${server} 0711 ${owner} ${owner}`,
    ...callers.map((caller) =>
      caller === 'cli'
        ? `d ${data}/run/${server}/cli 0700 ${owner} ${owner}`
        : `d ${data}/run/${server}/${caller} 2710 ${owner} ${userOf(caller as UnitName)}`,
    ),
  ]
}
