/** Attempts on the layer `exports`: rows that leave a box as a file or page by page, asked for by one who should not have them. */
import { copyFileSync, existsSync, linkSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs' // biome-ignore format: one line
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { client } from '../browser/story/client.ts'
import { STRANGER, TENANT } from '../browser/story/scene.ts'
import { picket } from '../cli/picket.ts'
import { pcapFile, timed, udp } from '../traffic/frames.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import { canary, canaryOf, filesBelow } from './canary.ts'
import { GUARD, SCOPE } from './cell-layers.ts'
import { LakeStage } from './lake-stage.ts'

const SESSION: Layer = { name: 'a session', shows: /^a page: 303|401/m }
const SESSION_SCOPE: Layer = {
  name: 'the scope of the session',
  shows: /cross-tenant traversal not permitted/,
}
const CURSOR: Layer = {
  name: 'a place in a list is of one login and scope',
  shows: /belongs to another login, scope or list/,
}
const OUTSIDE: Layer = {
  name: 'no plain text in the data folder',
  shows: /must not go into the data folder/,
}
const OBJECTS: Layer = { name: 'one JSON object a row', shows: /rows that are not ours: 0/ }
const NOT_OVER: Layer = { name: 'never over a capture it reads', shows: /would overwrite/ }

let stage: LakeStage
let folder = ''
beforeAll(async () => {
  stage = await LakeStage.open()
  folder = mkdtempSync(join(tmpdir(), 'exports-'))
})
afterAll(async () => {
  await stage.close()
  rmSync(folder, { recursive: true })
})

/** The URL of a page of zulu's rows, and what is behind it, sent to another. */
function shared(by: string, layers: readonly Layer[], colleague: 'a colleague' | 'nobody') {
  attempt('exports-02', {
    by,
    layers,
    secrets: () => [canaryOf('an address of the other tenant', '192.0.2.99')],
    try: async (run) => {
      const url = `/api/assets?range=all&scope=${STRANGER.tenant_id}`
      const tenants = run.without(SESSION_SCOPE) || run.without(SESSION) ? [TENANT, STRANGER] : [TENANT] // biome-ignore format: one line
      const knows = colleague === 'a colleague' || run.without(SESSION)
      const { get } = knows ? client('admin', { tenants }) : client()
      const reply = await get(url)
      run.saw('a page', `${reply.status} ${await reply.text()}`)
    },
  })
}
shared('to a colleague without the scope', [SESSION_SCOPE], 'a colleague')
shared('to somebody without a login', [SESSION], 'nobody')

attempt('exports-02', {
  by: 'the place in a list, to a colleague who sees more',
  layers: [CURSOR],
  try: async (run) => {
    const owner = client('admin')
    const path = '/api/assets?range=all&limit=1'
    const { next } = (await (await owner.get(path)).json()) as { next: string }
    const { get } = run.without(CURSOR) ? owner : client('admin', {}, owner.story)
    const reply = await get(`${path}&after=${next}`)
    run.saw('a page', `${reply.status} ${await reply.text()}`)
    if (reply.status === 200) run.harm('the list went on at the place of another login')
  },
})

/** Of alfa by the command line, by a question that asks for more. */
for (const sql of [
  `SELECT * FROM events WHERE tenant_id IN ('alfa', 'zulu')`,
  `SELECT * FROM events WHERE fleet_id = 'zorro' OR true`,
])
  attempt('exports-03', {
    by: sql,
    layers: [GUARD, SCOPE],
    secrets: () => [stage.theirs],
    try: async (run) => {
      if (run.off.size > 0) return stage.put(run, sql)
      const out = join(folder, 'wide.ndjson')
      const said = await stage.box.picket('lake', 'export', '--tenant', 'alfa', '--out', out, '--sql', sql) // biome-ignore format: one line
      run.saw('picket lake export', said.out, said.err.replace(/^picket: /, 'refused: '))
      run.saw('the file', existsSync(out) ? readFileSync(out) : 'no file')
      expect(said.code).toBe(3)
      return undefined
    },
  })

for (const [by, place] of [
  ['by name', () => join(stage.box.data, 'run', 'out.ndjson')],
  [
    'through a link',
    () => {
      const link = join(folder, 'link')
      rmSync(link, { force: true })
      symlinkSync(join(stage.box.data, 'run'), link)
      return join(link, 'out.ndjson')
    },
  ],
] as const)
  attempt('exports-04', {
    by: `into the data folder, ${by}`,
    layers: [OUTSIDE],
    secrets: () => [stage.ours],
    try: async (run) => {
      // Where the check is off, the file is made where it may be and laid there.
      const out = run.without(OUTSIDE) ? join(folder, 'moved.ndjson') : place()
      const said = await stage.box.picket('lake', 'export', '--tenant', 'alfa', '--out', out)
      if (run.without(OUTSIDE)) copyFileSync(out, place())
      else run.saw('picket lake export', said.err)
      run.seen.push(...filesBelow(stage.box.data))
    },
    undo: () => {
      rmSync(place(), { force: true })
      rmSync(join(folder, 'moved.ndjson'), { force: true })
    },
  })

const HOSTS = ['"},{"host":"forged"', 'a\nb', '{"host":"forged"}\n{"host":"forged"}', '\ud800\udfff\ud800', '\u2028\u0000', "'; --", 'x'.repeat(4096)] // biome-ignore format: one line
attempt('exports-06', {
  layers: [OBJECTS],
  try: async (run) => {
    const exported = canary('an export of its own')
    const out = join(folder, 'rows.ndjson')
    const rows = HOSTS.map((host) => ({ host, message: exported.text }))
    await stage.box.import('alfa', rows)
    const sql = `SELECT host, message FROM events WHERE message = '${exported.text}'`
    const said = await stage.box.picket('lake', 'export', '--tenant', 'alfa', '--out', out, '--sql', sql) // biome-ignore format: one line
    expect(said.code, said.err).toBe(0)
    if (run.without(OBJECTS)) writeFileSync(out, rows.map(({ host }) => `{"host":"${host}"}\n`).join('')) // biome-ignore format: one line
    readBack(run, readFileSync(out, 'utf8'), HOSTS)
    rmSync(out)
  },
})

/** Each host that was written, once, and nothing else. */
function readBack(run: Run, text: string, written: readonly string[]): void {
  const lines = text.split('\n').filter((line) => line !== '')
  const hosts = lines.map((line) => {
    try {
      return (JSON.parse(line) as { host: string }).host
    } catch {
      return undefined
    }
  })
  const wanted = new Map(written.map((host) => [host.toWellFormed(), 1]))
  let other = 0
  for (const host of hosts) {
    const left = wanted.get(host ?? '') ?? 0
    if (left === 0) other++
    wanted.set(host ?? '', left - 1)
  }
  run.saw('the file', `rows that are not ours: ${other}`)
  if (other > 0 || hosts.length !== written.length) run.harm(`${written.length} rows became ${hosts.length}, ${other} of them others`) // biome-ignore format: one line
}

const evidence = canary('what was captured')
const frames = [udp({ src: '10.0.0.5', dest: '192.0.2.9', srcPort: 4000, destPort: 9 }, evidence.text)] // biome-ignore format: one line

/** `picket replay CAPTURE --eve OUT`, where OUT leads back to the capture. */
for (const [by, lead] of [
  ['its own name', undefined],
  ['a symbolic link', symlinkSync],
  ['a hard link', linkSync],
] as const)
  attempt('own-exports-01', {
    by,
    layers: [NOT_OVER],
    try: async (run) => {
      const capture = join(folder, 'evidence.pcap')
      writeFileSync(capture, pcapFile(timed(frames)))
      const out = lead ? join(folder, 'eve.json') : capture
      lead?.(capture, out)
      // Another copy is read when the check is to see nothing.
      const read = run.without(NOT_OVER) ? join(folder, 'copy.pcap') : capture
      if (read !== capture) copyFileSync(capture, read)
      const said = await picket(['replay', read, '--rules', 'none', '--eve', out])
      run.saw('picket replay', said.err)
      run.keeps('the capture', [evidence], readFileSync(capture))
    },
    undo: () => {
      for (const name of ['evidence.pcap', 'eve.json', 'copy.pcap']) rmSync(join(folder, name), { force: true }) // biome-ignore format: one line
    },
  })
