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
  // By another's it is noise, of which some is no JSON in a way that ends the reading.
  shows: /does not belong here|unreadable: -?[1-9]|Malformed JSON/,
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

const NOT_SIGNED = /is not the one the catalog signed/
export const NO_LINKS: Layer = { name: 'no link is followed', shows: NOT_SIGNED }
export const HASH: Layer = { name: 'the hash in the catalog', shows: NOT_SIGNED }
export const TENANT_KEY: Layer = {
  name: 'the key of one tenant',
  shows: /AES tag differs|Invalid Input Error|Computed AES/,
}
export const ENCRYPTED: Layer = {
  name: 'a key is asked for each file',
  shows: /is not encrypted|not encrypted/i,
}
export const HEAD: Layer = { name: 'the signed head', shows: /does not agree with its signed head/ }
export const ANCHOR: Layer = {
  name: 'the generation that picket-keys keeps',
  shows: /is older than what was last committed/,
}
export const IN_MEMORY: Layer = { name: 'plaintext in memory alone', shows: /in memory: [1-9]/ }
export const EMPTIED: Layer = { name: 'emptied at the start', shows: /left in memory: 0/ }
export const SAFE_ENGINE: Layer = {
  name: 'no engine with unsafe cryptography',
  shows: /set to unsafe cryptography/,
}
export const OWN_FRAMING: Layer = {
  name: 'files framed by our own cryptography',
  shows: /framed here: \d+ bytes/,
}

export const OWN_PATHS: Layer = {
  name: "paths of the tenant's own folder",
  shows: /names a file that is not this tenant's/,
}
export const HANDED_OUT: Layer = {
  name: 'picket-keys hands out paths of the tenant alone',
  shows: /cross-tenant traversal not permitted/,
}
export const LATER_FILES: Layer = {
  name: 'files of a later generation',
  shows: /was written after it\. It was rolled back/,
}
export const ONE_PROCESS: Layer = {
  name: 'the lock of a data folder',
  shows: /Another picket-lake \(process \d+\) works in/,
}
export const EXCLUSIVE: Layer = { name: 'an exclusive database', shows: /database is locked/ }
export const CIPHER: Layer = {
  name: 'an encrypted database',
  shows: /file is not a database|does not open with its key/,
}
export const NO_PLAIN: Layer = {
  name: 'no plain database in its place',
  shows: /is a plain SQLite file where an encrypted one belongs/,
}
export const PAGES: Layer = {
  name: 'pages sealed by the key of their database',
  shows: /"alfa-row"|does not open with its key/,
}
export const ACKNOWLEDGED: Layer = {
  name: 'the frames that picket-keys was told of',
  shows: /frames that were acknowledged 2 are there/,
}
