/**
 * 500 real sites, each with its own certificate, outbox and connection, meet a primary that was just killed: how long
 * until all are connected again, and until what they wrote meanwhile is acknowledged. Clients and primary
 * share the machine; half of each handshake is the clients' work.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { silentLog } from '../../agent/base/log.ts'
import { ReceivedLog } from '../../agent/link/received.ts'
import { makeSender, openOutbox, saveFleet, summaryAt, until, uplinkOf } from '../link/fleet.ts'
import { makeFleet } from '../link/fleet-ca.ts'

const SITES = 500
const MS_MAX = 120_000
const PRIMARY = fileURLToPath(new URL('../link/primary-process.ts', import.meta.url))

test(`${SITES} clients reconnect at once`, { timeout: 4 * MS_MAX }, async () => {
  const { keys: fleet } = await makeFleet(Array.from({ length: SITES }, (_, i) => `site-${i}`))
  const folder = mkdtempSync(join(tmpdir(), 'picket-reconnect-'))
  saveFleet(join(folder, 'fleet.json'), fleet)
  let primary = await start(folder, '0')
  const url = `mqtts://127.0.0.1:${primary.port}`
  const boxes = await Promise.all(
    fleet.sites.map(async (site, i) => {
      const { outbox } = await openOutbox(join(folder, `box-${i}`), site)
      const backOff = { firstMs: 500, mostMs: 5_000 }
      const sender = makeSender(uplinkOf(fleet, site, url), site, outbox, { backOff })
      const write = () => outbox.append(async (place) => summaryAt(site, place, 1e15))
      return { outbox, sender, write }
    }),
  )
  const connected = () => boxes.filter(({ sender }) => sender.view().connected).length
  const waiting = () => boxes.reduce((sum, { outbox }) => sum + outbox.waiting('up-london'), 0)

  for (const { write } of boxes) await write()
  const first = await seconds(async () => {
    for (const { sender } of boxes) sender.start()
    await until('all are acknowledged', () => waiting() === 0, MS_MAX)
  })
  say('first connection, all acknowledged, s', { first })

  primary.child.kill('SIGKILL')
  await until('all saw it', () => connected() === 0, MS_MAX)
  for (const { write } of boxes) await write()
  const began = performance.now()
  primary = await start(folder, String(primary.port))
  await until('all are connected', () => connected() === SITES, MS_MAX)
  const again = Math.round(performance.now() - began) / 1000
  await until('all are acknowledged', () => waiting() === 0, MS_MAX)
  const acknowledged = Math.round(performance.now() - began) / 1000
  say('after kill -9 of the primary, s', { connected: again, acknowledged })

  await Promise.all(boxes.map(({ sender }) => sender.stop()))
  primary.child.kill('SIGKILL')
  const log = await ReceivedLog.open({ folder: join(folder, 'received'), log: silentLog })
  expect([...log.read()]).toHaveLength(2 * SITES)
  await log.close()
})

async function start(folder: string, port: string): Promise<{ child: ChildProcess; port: number }> {
  const args = [PRIMARY, folder, port, '5000']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await new Promise<string>((done) =>
    child.stdout?.once('data', (chunk: Buffer) => done(String(chunk))),
  )
  return { child, port: Number(line.split(' ')[1]) }
}

async function seconds(act: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await act()
  return Math.round(performance.now() - began) / 1000
}

function say(what: string, numbers: object): void {
  process.stdout.write(`${what} ${JSON.stringify(numbers)}\n`)
}
