/** Mosquitto from Debian on a free port, set up as agent/link/README.md says. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DIES_WITH_US } from '../traffic/dies-with-us.ts'
import type { FleetKeys } from './fleet.ts'
import { freePort } from './free-port.ts'

const PROGRAM = ['/usr/sbin/mosquitto', '/usr/bin/mosquitto'].find((path) => existsSync(path))
export const hasMosquitto = PROGRAM !== undefined

export interface RunningMosquitto {
  port: number
  close(): Promise<void>
}

/** `may`: more lines for the list of who may do what; `settings`: instead of the usual bound on its queues. */
export async function startMosquitto(
  fleet: FleetKeys,
  { may = [], settings = [] }: { may?: string[]; settings?: string[] } = {},
): Promise<RunningMosquitto> {
  const folder = mkdtempSync(join(tmpdir(), 'picket-mosquitto-'))
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const port = await freePort()
  const config = [
    `listener ${port} 127.0.0.1`,
    `cafile ${file('ca.pem', fleet.ca)}`,
    `certfile ${file('broker.pem', fleet.primary.certificate)}`,
    `keyfile ${file('broker.key', fleet.primary.privateKey)}`,
    'tls_version tlsv1.2',
    'require_certificate true',
    'use_identity_as_username true',
    'allow_anonymous false',
    `acl_file ${file('acl', `${aclOf(fleet)}${may.join('\n')}\n`)}`,
    'message_size_limit 49152',
    ...(settings.length > 0 ? settings : ['max_queued_messages 1000']),
    'persistence false',
    'user root',
    'log_dest stderr',
  ]
  const words = [...DIES_WITH_US, PROGRAM ?? '', '-c', file('mosquitto.conf', `${config.join('\n')}\n`)] // biome-ignore format: one line
  const child = spawn(words[0] as string, words.slice(1), {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await running(child)
  return {
    port,
    close: () =>
      new Promise((done) => {
        child.once('exit', () => done())
        child.kill('SIGTERM')
      }),
  }
}

/** D18 in Mosquitto's words; `%u` is the appliance id, from the certificate's subject. */
function aclOf({ fleet_uid, primary }: FleetKeys): string {
  const of = `p/v1/${fleet_uid}`
  return `${[
    `user ${primary.appliance_id}`,
    `topic read ${of}/+/+/sum`,
    `topic read ${of}/+/+/lwt`,
    `topic write ${of}/+/+/ack`,
    `topic write ${of}/+/+/ctl`,
    `pattern write ${of}/+/%u/sum`,
    `pattern write ${of}/+/%u/lwt`,
    `pattern read ${of}/+/%u/ack`,
    `pattern read ${of}/+/%u/ctl`,
  ].join('\n')}\n`
}

function running(child: ChildProcess): Promise<void> {
  let said = ''
  return new Promise((done, fail) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk
      if (said.includes('running')) done()
    })
    child.once('exit', (code) => fail(new Error(`mosquitto ended with ${code}: ${said}`)))
  })
}
