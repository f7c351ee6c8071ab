/**
 * Two tenants of one running box with canaries in their rows, and any question put to it: as the administrator of alfa
 * through every layer, or past those that a control leaves out.
 */
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CELL_LIMITS, CellClient, RESULT_BYTES_MAX } from '../../agent/control/cell-client.ts'
import { openFileCustodian } from '../../agent/keys/file-custodian.ts'
import { Keyring } from '../../agent/keys/keyring.ts'
import type { Branch } from '../../agent/lake/cell.ts'
import type { Limits } from '../../agent/lake/confined-child.ts'
import { openEngine } from '../../agent/lake/engine.ts'
import { RunningLake } from '../lake/running-lake.ts'
import type { Run } from './attempt.ts'
import { PASSWORD } from './box.ts'
import { type Canary, canary, canaryOf } from './canary.ts'
import { BOUND, FRESH, GUARD, SCOPE, VIEW, WATCH } from './cell-layers.ts'
import { GROUP, OWN_USER, walls } from './cell-walls.ts'
import { LooseCell, type LooseOptions } from './loose-cell.ts'

export interface Asked {
  /** What the layer SCOPE or VIEW keeps out: put there when it is off. Without it, zulu's branch is. */
  planted?: readonly string[]
  /** What one question leaves behind matters for the next. */
  state?: boolean
  /** One cell for several questions, also where the product's own would do. */
  loose?: boolean
  limits?: Limits
}

export class LakeStage {
  readonly box: RunningLake
  /** Of the administrator of alfa, who sees alfa alone. */
  readonly token: string
  readonly branches: Readonly<Record<'alfa' | 'zulu', Branch>>
  readonly ours = canary('a row of alfa')
  readonly theirs = canary('a row of zulu')
  /** A file that is no tenant's business: what is in it, and what it is called. */
  readonly bait = canary('what is in a file of the box')
  readonly called = canary('the name of a file of the box')
  readonly folder: string
  readonly #cells = new Map<string, LooseCell>()

  private constructor(of: Pick<LakeStage, 'box' | 'token' | 'branches' | 'ours' | 'theirs'>) {
    this.box = of.box
    this.token = of.token
    this.branches = of.branches
    this.ours = of.ours
    this.theirs = of.theirs
    this.folder = mkdtempSync(join(tmpdir(), 'bait-'))
    chmodSync(this.folder, 0o755)
    writeFileSync(this.baitFile, this.bait.text, { mode: 0o644 })
  }

  static async open(): Promise<LakeStage> {
    const box = await RunningLake.open({ alfa: 'acme', zulu: 'zorro' })
    const [ours, theirs] = [canary('a row of alfa'), canary('a row of zulu')]
    await box.import('alfa', [{ host: ours.text, message: 'ours', user: '17' }])
    await box.import('zulu', [{ host: theirs.text, message: theirs.text }])
    const { code } = await box.cli.oneTimeLogin({ tenant_id: 'alfa' })
    const first = await box.web.redeem({ code, source: '127.0.0.1' })
    const { token } = await box.web.setPassword({ token: first.token, next: PASSWORD })
    const branches = await branchesOf(box)
    return new LakeStage({ box, token, branches, ours, theirs })
  }

  get baitFile(): string {
    return join(this.folder, `${this.called.text}.txt`)
  }

  /** The key of zulu's files, as bytes. */
  get key(): Canary {
    return canaryOf("the key of zulu's files", Buffer.from(this.branches.zulu.key, 'base64'))
  }

  /** Where lake files lie: it begins with a tenant's uid, which no answer may hold. */
  get paths(): Canary[] {
    return (['alfa', 'zulu'] as const).map((name) =>
      canaryOf(`the folder of ${name}`, this.box.tenant(name).tenant_uid),
    )
  }

  /** A plain Parquet file whose statistics hold the bait. */
  async plainParquet(): Promise<string> {
    const path = join(this.folder, 'plain.parquet')
    const engine = await openEngine({ memoryMiB: 64 })
    const connection = await engine.connect()
    await connection.run(`COPY (SELECT '${this.bait.text}' AS host) TO '${path}' (FORMAT parquet)`)
    connection.closeSync()
    engine.closeSync()
    return path
  }

  asAlfa(sql: string, scope?: string[]) {
    return this.box.web.query({ token: this.token, sql, ...(scope && { scope }) })
  }

  /** Puts a question; the answer or the failure is what was seen. */
  put(run: Run, sql: string, asked: Asked = {}): Promise<unknown> {
    return run.does('the answer', () => this.#ask(run.off, sql, asked))
  }

  #ask(off: ReadonlySet<string>, sql: string, asked: Asked): Promise<unknown> {
    if (off.size === 0 && !asked.limits) return this.asAlfa(sql)
    const wide = off.has(SCOPE.name)
    const planted = wide || off.has(VIEW.name) ? (asked.planted ?? []) : []
    const branches = wide && planted.length === 0 ? Object.values(this.branches) : [this.branches.alfa] // biome-ignore format: one line
    // What the product's own cell can leave out is tried in it.
    if (!asked.loose && planted.length === 0 && [...off].every((name) => OUTSIDE.has(name)))
      return askCell(branches, sql, off, asked)
    return this.#askLoose({ off, branches, planted: [...planted], readable: pathsOf(branches) }, sql, asked) // biome-ignore format: one line
  }

  async #askLoose(options: LooseOptions, sql: string, { state = false }: Asked): Promise<unknown> {
    const key = JSON.stringify([[...(options.off ?? [])], options.planted, state])
    const known = this.#cells.get(key)
    const again = known && !known.isGone && (!state || options.off?.has(FRESH.name))
    // What it plants names files as we see them, so it is of our user here.
    const off = new Set([...(options.off ?? []), OWN_USER.name])
    const cell = again ? known : await LooseCell.start({ ...options, off })
    if (!again) {
      known?.kill()
      this.#cells.set(key, cell)
    }
    return cell.ask(sql)
  }

  /** Ends the cells that were put together for controls. */
  endCells(): void {
    for (const cell of this.#cells.values()) cell.kill()
    this.#cells.clear()
  }

  async close(): Promise<void> {
    this.endCells()
    await this.box.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const OUTSIDE = new Set([GUARD, SCOPE, OWN_USER, GROUP, WATCH, BOUND].map(({ name }) => name))
const NO_LIMITS: Limits = { cpuMs: 120_000, wallMs: 120_000, rssBytes: 8 * 2 ** 30 }

/** A cell of the product, asked past the guard. */
async function askCell(branches: Branch[], sql: string, off: ReadonlySet<string>, asked: Asked) {
  const limits = off.has(WATCH.name) ? NO_LIMITS : (asked.limits ?? CELL_LIMITS)
  const bytesMax = off.has(BOUND.name) ? RESULT_BYTES_MAX * 4 : RESULT_BYTES_MAX
  const groups = off.has(GROUP.name) ? undefined : walls.groups
  const users = off.has(OWN_USER.name) ? undefined : walls.users
  const cell = await CellClient.start(limits, { ...walls, users, groups })
  try {
    await cell.confine(pathsOf(branches))
    await cell.open(branches)
    return await cell.ask({ sql, params: {}, bytesMax })
  } finally {
    cell.kill()
  }
}

export function pathsOf(branches: readonly Branch[]): string[] {
  return branches.flatMap(({ paths }) => paths)
}

/** The keys that picket-keys would hand out, from a copy of theirs: all else of a running box may change while it is read. */
async function branchesOf(box: RunningLake): Promise<Record<'alfa' | 'zulu', Branch>> {
  const folder = mkdtempSync(join(tmpdir(), 'keys-copy-'))
  try {
    cpSync(join(box.data, 'keys'), folder, { recursive: true })
    const ring = await Keyring.open({ folder, custodian: openFileCustodian(folder) })
    const branch = async (name: 'alfa' | 'zulu'): Promise<Branch> => {
      const files = await box.files(name)
      const { tenant_id, tenant_uid, fleet_id } = box.tenant(name)
      const key = ring.layer(tenant_uid, files[0]?.epoch ?? 0, 'parquet').toString('base64')
      return { tenant_id, fleet_id, key, paths: files.map(({ path }) => path) }
    }
    return { alfa: await branch('alfa'), zulu: await branch('zulu') }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
