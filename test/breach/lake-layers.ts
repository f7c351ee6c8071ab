/** The layers around journal, lake files and catalog, each with what shows that it was the one. */
import type { Layer } from './attempt.ts'

export const FRAME_TAG: Layer = {
  name: 'the tag of a frame in its place',
  shows: /does not belong here/,
}
export const HEADER_TENANT: Layer = {
  name: 'the tenant in the header of a segment',
  shows: /belongs to another tenant than its folder/,
}
export const SEGMENT_KEY: Layer = {
  name: 'a subkey for each segment',
  shows: /does not belong here|unreadable: -?[1-9]/,
}
export const NAMED_TENANT: Layer = {
  name: 'each row names its tenant',
  shows: /foreign: [1-9]/,
}
export const SEGMENT_NAME: Layer = { name: 'the name of a segment', shows: /was renamed/ }
export const SETTLED_ONCE: Layer = {
  name: 'the ids that were settled',
  shows: /is settled already/,
}
export const SETTLED_UNIQUE: Layer = {
  name: 'an id once in the catalog',
  shows: /UNIQUE constraint/,
}
export const NEW_SEGMENT: Layer = {
  name: 'a new subkey after each start',
  shows: /2 subkeys/,
}
export const SEGMENT_END: Layer = { name: 'the end mark of a segment', shows: /its end is gone/ }
export const IMPORT_NAMES: Layer = {
  name: 'an import of one tenant',
  shows: /cross-tenant traversal not permitted/,
}
export const STAMP: Layer = {
  name: 'tenant and fleet by the stamp alone',
  shows: /the lake: \[\["alfa","alfa"\]\]/,
}
export const LINE_BOUND: Layer = { name: 'the bound of a line', shows: /longer than \d+ bytes/ }
