/** A primary and a branch as real processes: what leaks, what a full disk and kill -9 lose, what a revocation ends. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect as tls } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Uplink } from '../../agent/control/link-keys.ts'
import { filesHolding } from './box.ts'
import { entriesOf, ifThere } from './canary.ts'
import { FleetBox } from './fleet-boxes.ts'

const PRIMARY_LINK_MIB = 80 // 64 are kept free
const BRANCH_LINK_MIB = 1
let london: FleetBox
let cape: FleetBox
let code = ''
let joinSeen = ''
/** Whether this machine lets us mount a small disk. */
let small = false

beforeAll(async () => {
  london = await FleetBox.open('london', (data) => {
    small = mountSmall(data, PRIMARY_LINK_MIB)
  })
  cape = await FleetBox.open('cape-town', (data) => void mountSmall(data, BRANCH_LINK_MIB))
  if (!small)
    process.stderr.write('SKIPPED: no tmpfs can be mounted here: full disks are not tried.\n')
  expect((await london.picket(['fleet', 'enable'])).err).toBe('')
  const claim = await london.picket(['fleet', 'claim', '--tenant', 'cape-town', '--json'])
  code = JSON.parse(claim.out).code
  const joined = await cape.picket(
    ['fleet', 'join', '--door', london.door, '--code', '-'],
    `${code}\n`,
    (pid) => {
      joinSeen += commandOf(pid)
    },
  )
  expect([joined.code, joined.err]).toEqual([0, ''])
  await heard(3)
})
afterAll(async () => {
  for (const box of [london, cape])
    await box?.close((data) => void spawnSync('umount', [join(data, 'link')]))
})

function mountSmall(data: string, mib: number): boolean {
  mkdirSync(join(data, 'link'), { recursive: true, mode: 0o700 })
  const options = `size=${mib}m,mode=0700`
  return (
    spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', join(data, 'link')]).status === 0
  )
}

function commandOf(pid: number): string {
  try {
    return (
      readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/environ`, 'utf8')
    )
  } catch {
    return '' // it is gone
  }
}

/** Until so many more of the branch were received than now. */
async function heard(more: number): Promise<void> {
  await heardUpTo(((await london.site('cape-town'))?.summaries24h ?? 0) + more)
}

async function heardUpTo(count: number): Promise<void> {
  await london.until(`${count} summaries have arrived`, async () => {
    const site = await london.site('cape-town')
    return (site?.summaries24h ?? 0) >= count
  })
}

const audit = async (box: FleetBox) => (await box.keys.auditList({ limit: 500 })).items

test('no code, key or secret stands in a log, a command line, an environment or a plain file', async () => {
  expect(joinSeen).toContain('join') // the look was not in vain
  const { uplinks } = await cape.linkKeys.uplinks()
  const { primary } = await london.linkKeys.primary()
  const { members } = await london.linkKeys.members()
  const pems = [...uplinks.map(({ privateKey }) => privateKey), primary?.privateKey ?? '']
  const secrets = [
    ...[code, code.replaceAll('-', '')],
    ...pems.flatMap((pem) =>
      pem.split('\n').filter((line) => line.length > 40 && !line.includes('-')),
    ),
    ...members.map(({ storeKey }) => storeKey),
  ]
  expect(secrets.length).toBeGreaterThan(6)
  const seen = joinSeen + [...london.pids(), ...cape.pids()].map(commandOf).join('')
  for (const secret of [...secrets, 'PRIVATE KEY'])
    for (const [where, text] of Object.entries({ seen, a: london.logs, b: cape.logs }))
      expect(text.includes(secret), `${where} holds ${secret.slice(0, 6)}…`).toBe(false)
  for (const box of [london, cape])
    expect(filesHolding(box.data, [...secrets, 'PRIVATE KEY'])).toEqual([])
})

test('no file or folder of a box can be read by anybody else', () => {
  for (const { data } of [london, cape]) {
    const open = entriesOf(data).filter((name) =>
      ifThere(() => statSync(join(data, name)).mode).some((mode) => (mode & 0o077) !== 0),
    )
    expect(open).toEqual([])
    expect(statSync(data).mode & 0o077).toBe(0)
  }
})

test('picket invariants prints nothing on a primary that received, and on a branch that sends', async () => {
  for (const box of [london, cape])
    expect(await box.picket(['invariants'])).toEqual({ code: 0, out: '', err: '' })
  const { looked } = JSON.parse((await london.picket(['invariants', '--json'])).out)
  expect(looked.topics).toBeGreaterThan(3)
})

test('each change of the fleet is a line of both ends, with ids and counts and no word of a tenant', async () => {
  const [there, here] = [await audit(london), await audit(cape)]
  const verbs = (items: typeof there) => new Set(items.map(({ verb }) => verb))
  for (const verb of ['fleet.on', 'fleet.claim', 'fleet.joined'])
    expect(verbs(there)).toContain(verb)
  for (const verb of ['fleet.request', 'uplink.added']) expect(verbs(here)).toContain(verb)
  for (const { data } of [london, cape]) {
    const chain = readFileSync(join(data, 'audit', 'chain-000000000001.jsonl'), 'utf8')
    for (const word of ['Works of', code, '127.0.0.1', 'PRIVATE', 'BEGIN'])
      expect(chain).not.toContain(word)
  }
})

test('kill -9 of picket-keys while summaries are signed: no gap, no fork, nothing said twice', async () => {
  const seed = Math.floor(Math.random() * 1000)
  process.stderr.write(`kill -9 of picket-keys: seed ${seed}\n`)
  for (let i = 0; i < 4; i++) {
    await new Promise((done) => setTimeout(done, (seed * (i + 7) * 37) % 900)) // anywhere in a window
    await cape.kill('keys')
    await cape.start('keys')
  }
  await heard(2)
  await london.until('all is whole', async () => {
    const site = await london.site('cape-town')
    return site && site.wholeUpTo === site.sequence && site.gaps.length === 0
  })
  expect(await london.site('cape-town')).toMatchObject({ forks: 0, alarms: [], rejected: {} })
})

test('a picket-link that was quicker than picket-keys is at work as soon as keys is there', async () => {
  const before = (await london.site('cape-town'))?.summaries24h ?? 0
  for (const name of ['link', 'keys'] as const) await london.kill(name)
  await london.start('link') // finds nobody
  await london.start('keys')
  await heardUpTo(before + 2)
})

test('a full disk at either end: said, nothing that was acknowledged is lost, and it goes on', async ({
  skip,
}) => {
  if (!small) skip()
  const fill = (box: FleetBox, bytes: number) => {
    const path = join(box.data, 'link', 'filler')
    try {
      writeFileSync(path, Buffer.alloc(bytes))
    } catch {
      // as much as there was room for
    }
    return () => rmSync(path)
  }
  const freeLondon = fill(london, (PRIMARY_LINK_MIB - 60) << 20)
  const says = async () => (await london.link((link) => link.fleet({}))).sentence
  await london.until('the primary says so', async () =>
    (await says()).startsWith('This box takes no summary in: the disk is full.'),
  )
  freeLondon()
  await heard(2)
  expect(await says()).not.toContain('the disk is full')
  const freeCape = fill(cape, BRANCH_LINK_MIB << 20)
  const because = async () => (await cape.link((link) => link.uplinks())).uplinks[0]?.because
  await cape.until('the branch says so', async () =>
    (await because())?.includes('no summary can be written'),
  )
  expect(await because()).toContain('ENOSPC')
  for (const box of [london, cape]) {
    await box.kill('link')
    await box.start('link') // the branch on a disk that is full
  }
  freeCape()
  await heard(2)
  await london.until('all is whole', async () => {
    const site = await london.site('cape-town')
    return site && site.wholeUpTo === site.sequence
  })
  expect(await london.site('cape-town')).toMatchObject({ forks: 0, gaps: [] })
})

test('kill -9 of the primary’s picket-keys during joins: it starts again, and the site can always be brought in', async () => {
  const sydney = await FleetBox.open('sydney')
  try {
    let in_ = false
    for (let i = 0; i < 6 && !in_; i++) {
      const claim = JSON.parse((await london.picket(['fleet', 'claim', '--json'])).out)
      const join = sydney.picket(
        ['fleet', 'join', '--door', london.door, '--code', '-'],
        `${claim.code}\n`,
      )
      await new Promise((done) => setTimeout(done, 250 + i * 60)) // anywhere in the join
      await london.kill('keys')
      await london.start('keys')
      const said = await join
      if (said.code === 0) in_ = true
      else if (said.err.includes('is a member of this fleet already'))
        await london.picket(['fleet', 'revoke', 'sydney'])
    }
    if (!in_) {
      await london.picket(['fleet', 'revoke', 'sydney'])
      const claim = JSON.parse((await london.picket(['fleet', 'claim', '--json'])).out)
      const last = await sydney.picket(
        ['fleet', 'join', '--door', london.door, '--code', '-'],
        `${claim.code}\n`,
      )
      expect([last.code, last.err]).toEqual([0, ''])
    }
    await london.until(
      'it is heard',
      async () => ((await london.site('sydney'))?.summaries24h ?? 0) > 0,
    )
    expect((await london.keys.auditVerify()).intact).toBe(true)
  } finally {
    await sydney.close()
  }
}, 300_000)

test('a revocation cuts the connection at once; what the site sends or queued is refused, and the page says so', async () => {
  // Killed keys of the primary may have kept it late until now.
  await london.until('the branch is in touch', async () => {
    const { state } = (await london.site('cape-town')) ?? {}
    return state !== undefined && state !== 'cut-off'
  })
  expect((await london.picket(['fleet', 'revoke', 'cape-town'])).code).toBe(0)
  const start = performance.now()
  await cape.until('the branch is cut off', async () => {
    const { uplinks } = await cape.link((link) => link.uplinks())
    return uplinks[0]?.connected === false
  })
  expect(performance.now() - start).toBeLessThan(5000)
  // What had come in before is worked through: the primary's own of later is.
  const own = async () => (await london.site('london'))?.sequence ?? 0
  const before = await own()
  await london.until('one that came after it', async () => (await own()) > before + 1)
  const at = await london.site('cape-town')
  await new Promise((done) => setTimeout(done, 3000)) // three windows of the branch
  const after = await london.site('cape-town')
  expect(after).toMatchObject({
    state: 'cut-off',
    sequence: at?.sequence,
    summaries24h: at?.summaries24h,
  })
  expect(after?.says).toMatch(/^revoked since \d\d:\d\d UTC/)
  const uplink = async () => (await cape.link((link) => link.uplinks())).uplinks[0]
  await cape.until('what it goes on to write waits', async () => (await uplink())?.waiting)
  expect(await uplink()).toMatchObject({ connected: false, because: expect.stringMatching(/\w/) })
  expect((await audit(london)).map(({ verb }) => verb)).toContain('fleet.revoked')
})

/** What the broker of that uplink answers to a CONNECT with this certificate: its CONNACK, or nothing. */
function knock({ ca, certificate: cert, privateKey: key, url }: Uplink): Promise<string> {
  const { hostname: host, port } = new URL(url)
  const id = Buffer.from(cape.tenant.appliance_id)
  const rest = Buffer.concat([Buffer.from([0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 60, 0, id.length]), id]) // biome-ignore format: one line
  const options = { host, port: Number(port), ca, cert, key, checkServerIdentity: () => undefined }
  return new Promise((done) => {
    const socket = tls(options, () => socket.write(Buffer.from([0x10, rest.length, ...rest])))
    socket.once('data', (bytes: Buffer) => {
      done(bytes.toString('hex'))
      socket.destroy()
    })
    socket.on('error', () => {})
    socket.once('close', () => done(''))
  })
}

test('a site that joined anew is heard again; its certificate of before stays shut out', async () => {
  const old = (await cape.linkKeys.uplinks()).uplinks[0] as Uplink
  const claim = JSON.parse(
    (await london.picket(['fleet', 'claim', '--tenant', 'cape-town', '--json'])).out,
  )
  const words = ['fleet', 'join', '--door', london.door, '--code', '-']
  const joined = await cape.picket(words, `${claim.code}\n`)
  expect([joined.code, joined.err]).toEqual([0, ''])
  await heard(2)
  expect((await london.site('cape-town'))?.state).not.toBe('cut-off')
  const renewed = (await cape.linkKeys.uplinks()).uplinks[0] as Uplink
  expect(renewed.certificate).not.toBe(old.certificate)
  expect(await knock(old)).toBe('')
  await cape.kill('link') // one client id is one connection
  expect(await knock(renewed)).toBe('20020000') // control
})
