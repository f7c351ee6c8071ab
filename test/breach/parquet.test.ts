/** Attempts on the layer `parquet` by somebody with the disk of a running box: files exchanged, planted, linked, taken apart. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, linkSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs' // biome-ignore format: one line
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { COLUMNS } from '../../agent/base/event.ts'
import type { LakeFile } from '../../agent/control/lake-client.ts'
import { openCell } from '../../agent/lake/cell.ts'
import { openEngine } from '../../agent/lake/engine.ts'
import { FileCheck } from '../../agent/lake/file-check.ts'
import { askEngine } from './ask-engine.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import { canary } from './canary.ts'
import { ENCRYPTED, HASH, NO_LINKS, TENANT_KEY } from './lake-layers.ts'
import { LakeStage } from './lake-stage.ts'
import { exchanged, pageOf } from './parquet-bytes.ts'

const [host, message] = [canary('the host of a row'), canary('the message of a row')]
let stage: LakeStage
let files: LakeFile[] = []
beforeAll(async () => {
  stage = await LakeStage.open()
  await stage.box.import('alfa', [{ host: host.text, message: message.text }])
  files = await stage.box.files('alfa')
})
afterAll(() => stage.close())

const first = () => files[0] as LakeFile
const last = () => files.at(-1) as LakeFile
const foreign = () => stage.branches.zulu.paths[0] as string
const kept = () => join(stage.folder, 'kept.parquet')

function keep({ path }: LakeFile): void {
  copyFileSync(path, kept())
}

function putBack({ path }: LakeFile): void {
  rmSync(path)
  renameSync(kept(), path)
}

/** Through the box; or this file alone in a cell, past its hash and, when that is off, by the key of zulu. */
async function ask(run: Run, { path }: LakeFile, column = 'host'): Promise<void> {
  const sql = `SELECT ${column} FROM events`
  if (!run.without(HASH)) return void (await run.does('the answer', stage.asAlfa(sql)))
  const { key } = run.without(TENANT_KEY) ? stage.branches.zulu : stage.branches.alfa
  await run.does('the answer', () => inCell({ key, path }, sql))
}

function inCell({ key, path }: { key: string; path: string }, sql: string): Promise<unknown> {
  return askEngine(openCell([{ tenant_id: 'alfa', fleet_id: 'acme', key, paths: [path] }]), sql)
}

attempt('parquet-01', {
  layers: [HASH, TENANT_KEY],
  secrets: () => [stage.theirs],
  try: async (run) => {
    keep(first())
    copyFileSync(foreign(), first().path)
    await ask(run, first())
  },
  undo: () => putBack(first()),
})

const planted = canary('a row that was planted')

async function plain(path: string): Promise<void> {
  const columns = COLUMNS.map(([name, type]) => name === 'host' ? `'${planted.text}' AS host` : `NULL::${type} AS "${name}"`) // biome-ignore format: one line
  await engineDoes(`COPY (SELECT ${columns.join(', ')}) TO '${path}' (FORMAT parquet)`)
}

const engineDoes = (sql: string) => askEngine(openEngine({ memoryMiB: 64 }), sql)

attempt('parquet-02', {
  layers: [HASH, ENCRYPTED],
  secrets: () => [planted],
  try: async (run) => {
    const { path } = first()
    keep(first())
    rmSync(path)
    await plain(path)
    if (!run.without(ENCRYPTED)) await ask(run, first())
    else await run.does('the answer', engineDoes(`SELECT host FROM read_parquet('${path}')`))
  },
  undo: () => putBack(first()),
})

attempt('parquet-03', {
  layers: [HASH],
  secrets: () => [message],
  try: async (run) => {
    keep(last())
    const bytes = readFileSync(last().path)
    const key = Buffer.from(stage.branches.alfa.key, 'base64')
    const pages = [pageOf(bytes, key, host.text), pageOf(bytes, key, message.text)] as const
    const sizes = pages.map(([from, to]) => to - from)
    if (sizes[0] !== sizes[1]) throw new Error(`pages of ${sizes} bytes cannot be exchanged`)
    writeFileSync(last().path, exchanged(bytes, ...pages))
    await ask(run, last()) // for hosts: it must not be given messages
  },
  undo: () => putBack(last()),
})

/** Another object in place of the file, which is zulu's when it is followed. */
function instead(
  by: string,
  layers: readonly Layer[],
  of: { put: (path: string) => void; lift?: (path: string) => void; missing?: string | undefined },
) {
  attempt('parquet-05', {
    by,
    layers,
    missing: of.missing,
    secrets: () => [stage.theirs],
    try: async (run) => {
      keep(first())
      of.put(first().path)
      if (run.without(NO_LINKS) && !run.without(HASH)) {
        const { path, sha256, bytes } = first()
        const followed = { path: realpathSync(path), sha256, bytes }
        await run.does('the check', new FileCheck().before(followed))
      } else await ask(run, first())
    },
    undo: () => {
      of.lift?.(first().path)
      putBack(first())
    },
  })
}

instead('a symbolic link', [NO_LINKS, HASH, TENANT_KEY], {
  put: (path) => {
    rmSync(path)
    symlinkSync(foreign(), path)
  },
})
instead('a hard link', [HASH, TENANT_KEY], {
  put: (path) => {
    rmSync(path)
    linkSync(foreign(), path)
  },
})
instead('a bind mount', [HASH, TENANT_KEY], {
  put: (path) => void execFileSync('mount', ['--bind', foreign(), path]),
  lift: (path) => void execFileSync('umount', [path]),
  missing: lacksMounts(),
})

function lacksMounts(): string | undefined {
  const file = join(mkdtempSync(join(tmpdir(), 'mount-')), 'file')
  writeFileSync(file, '')
  try {
    execFileSync('mount', ['--bind', file, file], { stdio: 'ignore' })
    execFileSync('umount', [file], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'This machine does not let a mount be made.'
  } finally {
    rmSync(dirname(file), { recursive: true })
  }
}
