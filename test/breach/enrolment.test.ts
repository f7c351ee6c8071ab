/** Attempts on the layer `enrolment`: the steps of a join, by a primary that does all of them and by one that leaves one out. */
import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect } from 'vitest'
import type { Json } from '../../agent/base/canonical.ts'
import { newUid } from '../../agent/base/ids.ts'
import { silentLog } from '../../agent/base/log.ts'
import { signJson } from '../../agent/base/signing.ts'
import { join as joinAt } from '../../agent/control/commands/fleet-door.ts'
import { sha256 } from '../../agent/control/join-messages.ts'
import type { KeysBox } from '../../agent/control/keys-box.ts'
import { certify, prepare } from '../../agent/control/keys-fleet.ts'
import { joinBegin } from '../../agent/control/keys-joining.ts'
import { issue, newTlsKey } from '../../agent/keys/certificates.ts'
import { claimKey, proveClaim } from '../../agent/keys/claim.ts'
import { Door } from '../../agent/link/door.ts'
import type { FleetRow } from '../../agent/tenancy/fleet.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import {
  falseDoor,
  type Listening,
  openDoor,
  type Site,
  startPrimary,
  startSite,
} from './fleet-sites.ts'

const HOUR_MS = 3_600_000
const GUESSES = 30
const HALF_DONE = 40
const PER_SOURCE = 16

let london: Site
let door: Listening
const open: { close(): Promise<void> }[] = []
beforeAll(async () => {
  london = await startPrimary()
  door = await openDoor(london.link)
})
afterAll(async () => {
  for (const each of [...open, door, london]) await each.close()
})
/** Each attempt has its own tries of an hour. */
const undo = async () => {
  london.clock.aheadMs += HOUR_MS
  delete (london.box.claims as { failed?: unknown }).failed
  delete (london.box.claims as { take?: unknown }).take
}

let made = 0
async function branch(fleet_id = 'acme'): Promise<Site> {
  const site = await startSite(`site-${++made}`, { clock: london.clock, fleet_id })
  open.push(site)
  return site
}
/** A box of the attacker's own making, that says of itself what it likes. */
function attacker(fleet_id = 'acme') {
  const { privateKey: key, publicKey } = generateKeyPairSync('ed25519')
  const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const who = { tenant_id: `site-${++made}`, tenant_uid: newUid(), appliance_id: newUid() }
  return { key, says: { ...who, fleet_id, site: `Site ${made}`, spki } }
}
type Attacker = ReturnType<typeof attacker>
const EXPORTER = 'a'.repeat(64)

/** One try over the door, with what scrypt makes of a code. */
function tries(
  { key, says }: Attacker,
  codeKey: Buffer,
  { box = london.box, source = '10.0.0.1' }: { box?: KeysBox; source?: string } = {},
) {
  // biome-ignore format: one line
  const rest = { version: 1, kind: 'join', tlsSpki: newTlsKey().spki, binding: EXPORTER }
  const proof = signJson(key, 'claim', { ...says, ...rest, at: london.clock.nowUs() })
  const mac = proveClaim(codeKey, 'branch', [EXPORTER, proof.body, proof.signature])
  return joinBegin(box, { body: { proof, mac }, source, exporter: EXPORTER })
}
const members = async () => (await london.link.members()).members
async function harmIfMember(run: Run, { says }: Attacker): Promise<void> {
  const all = await members()
  run.saw('members', all.length)
  if (all.some(({ tenant_uid, revoked }) => tenant_uid === says.tenant_uid && !revoked)) run.harm(`${says.tenant_id} is a member`) // biome-ignore format: one line
}
const fleetRow = () => london.box.fleet.primary() as FleetRow

const TRIES: Layer = { name: 'five tries a code', shows: /refused: The join was refused/ }
const TEMPO: Layer = { name: 'twenty tries an hour and address', shows: /too-many: / }
for (const [by, layers] of [
  ['from one address', [TRIES, TEMPO]],
  ['from many addresses', [TRIES]],
] as const)
  attempt('enrol-01', {
    by,
    layers,
    undo,
    try: async (run) => {
      const right = await claimKey((await london.cli.fleetClaim({})).code)
      const thief = attacker()
      // A primary that takes no try off a code.
      if (run.without(TRIES)) london.box.claims.failed = () => {}
      const box = run.without(TEMPO) ? { ...london.box, pending: { enter: () => {} } as never } : london.box // biome-ignore format: one line
      for (let n = 1; n <= GUESSES; n++) {
        const source = by === 'from one address' ? '10.0.0.1' : `10.0.1.${n}`
        await run.does(`guess ${n}`, tries(thief, n === GUESSES ? right : randomBytes(32), { box, source }).then(() => 'in')) // biome-ignore format: one line
        if (n < GUESSES - 1) run.seen.length = Math.min(run.seen.length, 1)
      }
      await harmIfMember(run, thief)
    },
  })

const USED: Layer = { name: 'a code is used once', shows: /refused: The join was refused/ }
attempt('enrol-02', {
  layers: [USED],
  undo,
  try: async (run) => {
    const codeKey = await claimKey((await london.cli.fleetClaim({})).code)
    if (run.without(USED)) london.box.claims.take = () => true // it is not taken away
    await tries(attacker(), codeKey)
    const second = attacker()
    await run.does(
      'the second',
      tries(second, codeKey).then(() => 'in'),
    )
    await harmIfMember(run, second)
  },
})

const BINDING: Layer = { name: 'the proof over this connection', shows: /refused: The join was refused/ } // biome-ignore format: one line
attempt('enrol-03', {
  layers: [BINDING],
  undo,
  try: async (run) => {
    const site = await branch()
    const { code } = await london.cli.fleetClaim({})
    // Both hops; the door of the control believes the binding that the message names.
    const middle = await falseDoor(async (body) => {
      const { binding } = JSON.parse((body as { proof: { body: string } }).proof.body)
      if (!run.without(BINDING)) return joinAt(door, async () => body)
      return (await london.link.joinBegin({ body, source: '10.0.0.9', exporter: binding })).reply
    })
    let id = ''
    await run.does('the join', async () => {
      const reply = await joinAt(middle, async (exporter) => {
        const { join_id, body } = await site.cli.joinRequest({ code, exporter })
        id = join_id
        return body
      })
      return site.cli.joinFinish({ join_id: id, reply })
    })
    await middle.close()
    if ((await site.link.uplinks()).uplinks.length > 0) run.harm('it joined through somebody in between') // biome-ignore format: one line
  },
})

/** A primary that gives whoever asks a certificate, without looking whether the fleet has a place for it. */
async function certified(run: Run, { says }: Attacker): Promise<void> {
  const request = { ...says, tlsSpki: newTlsKey().spki }
  const { reply } = await prepare(london.box, fleetRow(), request, says.site)
  const { subjectAltName } = new X509Certificate(reply.certificate)
  run.saw('the certificate', subjectAltName)
  if (subjectAltName?.includes(says.tenant_uid)) run.harm('it has a certificate of this fleet')
}
const FLEET: Layer = { name: 'the fleet a site belongs to', shows: /belongs to the fleet globex/ }
attempt('enrol-04', {
  layers: [FLEET],
  undo,
  try: async (run) => {
    const stranger = attacker('globex')
    const codeKey = await claimKey((await london.cli.fleetClaim({})).code)
    if (run.without(FLEET)) return certified(run, stranger)
    await run.does('the join', tries(stranger, codeKey))
    await harmIfMember(run, stranger)
  },
})

const REVOKED: Layer = { name: 'a claim from before a revocation', shows: /was revoked or left: make a new claim/ } // biome-ignore format: one line
attempt('enrol-05', {
  by: 'with a code that was made before',
  layers: [REVOKED],
  undo,
  try: async (run) => {
    const thief = attacker()
    await tries(thief, await claimKey((await london.cli.fleetClaim({})).code))
    const codeKey = await claimKey((await london.cli.fleetClaim({})).code)
    await london.cli.fleetRevoke({ tenant_id: thief.says.tenant_id })
    if (run.without(REVOKED)) return certified(run, thief)
    await run.does('the join', tries(thief, codeKey))
    await harmIfMember(run, thief)
  },
})

const SHAPE: Layer = { name: 'the strict shape of a request', shows: /refused: The join was refused/ } // biome-ignore format: one line
const PROFILE: Layer = { name: 'the primary’s own profile', shows: /CA false, URI:urn:picket/ }
attempt('enrol-06', {
  layers: [SHAPE, PROFILE],
  undo,
  try: async (run) => {
    const names = ['zulu.example', '*.example']
    const thief = attacker()
    const codeKey = await claimKey((await london.cli.fleetClaim({})).code)
    const asked = { ...thief, says: { ...thief.says, names, ca: true } as Attacker['says'] }
    if (!run.without(SHAPE)) {
      await run.does('the join', tries(asked, codeKey))
      return
    }
    const tlsSpki = newTlsKey().spki
    const fleet = fleetRow()
    const own = { fleet_uid: fleet.fleet_uid, ...thief.says }
    const authority = { certificate: fleet.ca, privateKey: fleet.ca_key }
    const { certificate } = run.without(PROFILE)
      ? await issue(authority, own, { spki: tlsSpki, names, nowUs: london.clock.nowUs() })
      : (await prepare(london.box, fleet, { ...asked.says, tlsSpki }, thief.says.site)).reply
    const { ca, subjectAltName } = new X509Certificate(certificate)
    run.saw('the certificate', `CA ${ca}, ${subjectAltName}`)
    if (ca || subjectAltName?.includes('example')) run.harm('it is certified as another')
  },
})

const CAPS: Layer = { name: 'the connections of one address', shows: /still open: \d+/ }
attempt('enrol-07', {
  layers: [CAPS],
  undo,
  try: async (run) => {
    const { primary } = await london.link.primary()
    if (!primary) throw new Error('Fleet Command is off')
    const { joinBegin: join, renewCertificate: renew, leave } = london.link
    const calls = { join, renew, leave }
    // Without it: a door that does what a door does and counts nobody.
    const at = run.without(CAPS) ? { ...door, close: async () => {} } : await opened(await Door.open({ ...primary, host: '127.0.0.1', port: 0, log: silentLog, calls })) // biome-ignore format: one line
    const sockets: TLSSocket[] = []
    const answers = Array.from({ length: HALF_DONE }, () => {
      const socket = connect({ host: at.host, port: at.port, rejectUnauthorized: false })
      sockets.push(socket)
      socket.on('error', () => {})
      socket.resume()
      return new Promise((done) => {
        socket.once('close', done)
        socket.once('secureConnect', () => {
          socket.write('POST /v1/join HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n\r\n{')
          done(undefined)
        })
      })
    })
    await Promise.all(answers)
    const left = () => sockets.filter(({ destroyed }) => !destroyed).length
    if (!run.without(CAPS)) await expect.poll(left, { timeout: 20_000 }).toBeLessThanOrEqual(PER_SOURCE) // biome-ignore format: one line
    run.saw('still open', left())
    if (left() > PER_SOURCE) run.harm(`${left()} half-finished claims of one address wait`)
    for (const socket of sockets) socket.destroy()
    await at.close()
  },
})
async function opened(real: Door) {
  return { host: '127.0.0.1', port: real.port, close: () => real.close() }
}

const ITS_OWN: Layer = { name: 'the signature of who leaves', shows: /not its own/ }
attempt('enrol-08', {
  layers: [ITS_OWN],
  undo,
  try: async (run) => {
    const victim = attacker()
    await tries(victim, await claimKey((await london.cli.fleetClaim({})).code))
    const { tenant_uid, appliance_id, tenant_id } = victim.says
    const said = { kind: 'leave', fleet_uid: fleetRow().fleet_uid, tenant_uid, appliance_id }
    const body = signJson(attacker().key, 'revocation', { ...said, at: london.clock.nowUs(), nonce: newUid() }) // biome-ignore format: one line
    // A primary that takes the name for the signature.
    if (run.without(ITS_OWN)) await run.does('the leaving', london.cli.fleetRevoke({ tenant_id }))
    else await run.does('the leaving', london.link.leave({ body: { ...body }, source: '10.0.0.1' }))
    const row = (await members()).find((each) => each.tenant_uid === tenant_uid)
    if (!row || row.revoked) run.harm('the branch is out of its fleet')
  },
})

const REQUEST: Layer = { name: 'the request that a file answers', shows: /answers another request/ }
const LEAF: Layer = { name: 'the key that a certificate is for', shows: /not for this box/ }
attempt('enrol-09', {
  layers: [REQUEST, LEAF],
  undo,
  try: async (run) => {
    const [first, second] = [await branch(), await branch()]
    const asked = await second.cli.fileRequest({})
    const { envelope } = await first.cli.fileRequest({})
    const accepted = (await london.cli.fileAccept({ envelope })).envelope
    let file = accepted
    if (run.without(REQUEST)) {
      // The same answer, that names whichever request it is held against.
      const answer = JSON.parse(accepted.body) as Record<string, Json>
      const request = JSON.parse(asked.envelope.body)
      const leaf = run.without(LEAF) && (await prepare(london.box, fleetRow(), request, request.site)).reply // biome-ignore format: one line
      const reply = (leaf || answer.reply) as unknown as Json
      file = london.box.signer.sign('claim', { ...answer, request: sha256(asked.envelope.body), reply }) // biome-ignore format: one line
    }
    await run.does('the second box', second.cli.fileFinish({ envelope: file }))
    if ((await second.link.uplinks()).uplinks.length > 0) run.harm('two boxes joined by one file')
  },
})

const RENEWER: Layer = { name: 'the key that a renewal is signed with', shows: /does not renew this certificate/ } // biome-ignore format: one line
attempt('own-enrolment-01', {
  layers: [RENEWER],
  undo,
  try: async (run) => {
    const [victim, thief] = [attacker(), attacker()]
    for (const each of [victim, thief]) await tries(each, await claimKey((await london.cli.fleetClaim({})).code)) // biome-ignore format: one line
    const { tenant_uid, appliance_id } = victim.says
    const { privateKey, spki: tlsSpki } = newTlsKey()
    const body = signJson(thief.key, 'cert-renew', { tenant_uid, appliance_id, tlsSpki, at: london.clock.nowUs(), nonce: newUid() }) // biome-ignore format: one line
    const certificate = await run.does('the renewal', async () =>
      run.without(RENEWER)
        ? (await certify(london.box, fleetRow(), { ...victim.says, joined: london.clock.nowUs() }, tlsSpki)).certificate
        : ((await london.link.renewCertificate({ body: { ...body }, source: '10.0.0.1' })).reply as { certificate: string }).certificate) // biome-ignore format: one line
    if (
      certificate &&
      new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey))
    )
      run.harm('the thief has a certificate of the victim for a key of its own')
  },
})

const APPLIANCE: Layer = { name: 'one appliance, one membership', shows: /This appliance is a member of this fleet already/ } // biome-ignore format: one line
attempt('own-enrolment-02', {
  layers: [APPLIANCE],
  undo,
  try: async (run) => {
    const [victim, thief] = [attacker(), attacker()]
    await tries(victim, await claimKey((await london.cli.fleetClaim({})).code))
    const { appliance_id } = victim.says
    const taken = { ...thief, says: { ...thief.says, appliance_id } }
    if (run.without(APPLIANCE)) return certified(run, taken)
    await run.does('the join', tries(taken, await claimKey((await london.cli.fleetClaim({})).code)))
    await harmIfMember(run, taken)
  },
})

const LINK_TYPES: Layer = { name: 'the types that the link may have signed', shows: /invalid: type is not as it must be/ } // biome-ignore format: one line
for (const type of ['decision', 'accounts', 'checkpoint'] as const)
  attempt('own-enrolment-03', {
    by: type,
    layers: [LINK_TYPES],
    undo,
    try: async (run) => {
      const body = { action_id: 'x', verb: 'approve', by: 'nobody' }
      const envelope = await run.does<unknown>('the signature', async () =>
        run.without(LINK_TYPES) ? london.box.signer.sign(type, body) : london.link.sign({ type: type as 'lwt', body })) // biome-ignore format: one line
      if (envelope) run.harm(`the process that faces the network has a signed ${type}`)
    },
  })
