/** The root key in a file, `<data>/keys/root.key`: for boxes without a TPM or HSM, and for development. */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import * as v from 'valibot'
import { Failure } from '../base/failure.ts'
import { syncFolder, writeWhole } from '../base/files.ts'
import { newUid, UID } from '../base/ids.ts'
import type { Custodian, CustodianFacts, Successor } from './custodian.ts'
import { KEY_BYTES } from './derive.ts'
import { seal, unseal } from './seal.ts'

const RootFile = v.strictObject({
  v: v.literal(1),
  kind: v.literal('file'),
  custodian: v.pipe(v.string(), v.regex(UID)),
  generation: v.pipe(v.number(), v.integer(), v.minValue(1)),
  key: v.pipe(v.string(), v.base64()),
})

interface Root {
  custodian: string
  generation: number
  key: Buffer
}

const STRENGTH = 'file, depends on medium'

/** Makes the folder and the first root key. Refuses to replace one. */
export function createFileCustodian(folder: string): Custodian {
  const path = join(folder, 'root.key')
  if (existsSync(path)) throw new Failure('conflict', `${path} exists already.`, { path })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const root = { custodian: newUid(), generation: 1, key: randomBytes(KEY_BYTES) }
  writeRoot(path, root)
  return custodian(path, root)
}

/** Opens the root key, or says what is wrong with the file and what to do. */
export function openFileCustodian(folder: string): Custodian {
  const path = join(folder, 'root.key')
  // A root that was prepared and never adopted wrapped nothing that is in use.
  rmSync(nextPath(path), { force: true })
  return custodian(path, readRoot(path))
}

function custodian(path: string, root: Root): Custodian {
  const facts: CustodianFacts = {
    kind: 'file',
    id: root.custodian,
    generation: root.generation,
    strength: STRENGTH,
  }
  return {
    describe: () => facts,
    wrap: async (plain, aad) => seal(root.key, plain, aad),
    unwrap: async (wrapped, aad) => {
      const plain = unseal(root.key, wrapped, aad)
      if (!plain)
        throw new Failure('refused', 'The root key did not wrap these bytes for this purpose.')
      return plain
    },
    succeed: async () => successor(path, root),
    destroy: async () => {
      overwrite(path)
      rmSync(path)
      syncFolder(dirname(path))
      root.key.fill(0)
    },
  }
}

function successor(path: string, old: Root): Successor {
  const root = { ...old, generation: old.generation + 1, key: randomBytes(KEY_BYTES) }
  writeRoot(nextPath(path), root)
  return {
    describe: () => ({ ...custodian(path, root).describe() }),
    wrap: async (plain, aad) => seal(root.key, plain, aad),
    adopt: async () => {
      const previous = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW)
      try {
        renameSync(nextPath(path), path)
        syncFolder(dirname(path))
        overwriteOpen(previous)
      } finally {
        closeSync(previous)
      }
      old.key.fill(0)
      return custodian(path, root)
    },
  }
}

const nextPath = (path: string) => `${path}.next`

function writeRoot(path: string, root: Root): void {
  const { custodian, generation, key } = root
  writeWhole(
    path,
    `${JSON.stringify({ v: 1, kind: 'file', custodian, generation, key: key.toString('base64') })}\n`,
    0o600,
  )
}

function readRoot(path: string): Root {
  const text = readOwn(path)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined // the parse error would quote the file
  }
  const parsed = v.safeParse(RootFile, value)
  const key = parsed.success ? Buffer.from(parsed.output.key, 'base64') : undefined
  if (!parsed.success || key?.length !== KEY_BYTES)
    throw new Failure(
      'invalid',
      `${path} is not a root key file. Put the right file back from your backup; without it nothing on this box can be read.`,
      { path },
    )
  return { custodian: parsed.output.custodian, generation: parsed.output.generation, key }
}

/** Reads a file that only we can read. Checked on the open file, so that it is the one that is read. */
function readOwn(path: string): string {
  const folder = lstatSync(dirname(path))
  if ((folder.mode & 0o022) !== 0)
    throw new Failure(
      'refused',
      `Others can put files into ${dirname(path)}. Run: chmod 700 ${dirname(path)}`,
      { path },
    )
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (error) {
    throw new Failure(
      'invalid',
      `The root key ${path} cannot be opened. Put it back from your backup, as a plain file.`,
      { path },
      error,
    )
  }
  try {
    const facts = fstatSync(file)
    const uid = process.geteuid?.() ?? 0
    if (!facts.isFile() || facts.nlink !== 1)
      throw new Failure('refused', `${path} must be a plain file with one name.`, { path })
    if (facts.uid !== uid)
      throw new Failure(
        'refused',
        `${path} belongs to uid ${facts.uid}, and this process runs as uid ${uid}. Treat the key as disclosed unless you know who did it, then run: chown ${uid} ${path}`,
        { path },
      )
    if ((facts.mode & 0o077) !== 0)
      throw new Failure(
        'refused',
        `Others on this machine can read the root key ${path}. Run: chmod 600 ${path}, and make a new root with picket keys if somebody may have.`,
        { path },
      )
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

/** Best effort on a medium that writes in place; the receipt says `depends on medium`. */
function overwrite(path: string): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW)
  try {
    overwriteOpen(file)
  } finally {
    closeSync(file)
  }
}

function overwriteOpen(file: number): void {
  writeSync(file, randomBytes(fstatSync(file).size), 0, undefined, 0)
  fsyncSync(file)
}
