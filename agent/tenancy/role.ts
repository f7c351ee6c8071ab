/** What a local account may do on its box: three roles, each a set of atoms. */

export const ATOMS = [
  'view', // see findings, flows, assets, actions; ask the lake
  'decide', // approve, reject, undo a containment action
  'rules', // add, disable, tune detection content
  'settings', // change config.json
  'users', // add, change and remove accounts
  'audit', // read the audit trail
  'export', // take rows away in a file
] as const
export type Atom = (typeof ATOMS)[number]

export const ROLES = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

const MAY: Readonly<Record<Role, readonly Atom[]>> = {
  viewer: ['view'],
  operator: ['view', 'decide', 'rules', 'export'],
  admin: ATOMS,
}

export function atomsOf(role: Role): readonly Atom[] {
  return MAY[role]
}

export function may(role: Role, atom: Atom): boolean {
  return MAY[role].includes(atom)
}
