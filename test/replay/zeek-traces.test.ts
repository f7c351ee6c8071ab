/**
 * Captures of Zeek's own tests, their fields as Zeek decoded them. A log of a protocol that is not decoded here counts
 * all of its fields as compared and none as equal.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { AppPath } from '../traffic/app-path.ts'
import { corpus } from '../traffic/corpus.ts'
import { closest, type Fields, Oracle } from './oracle.ts'
import { zeekRows } from './zeek-rows.ts'

/** Fields that say what was decoded; those Zeek makes up (uids, durations, its own file ids) say nothing. */
const COMPARED: Record<string, string[]> = {
  dns: ['trans_id', 'query', 'qtype_name', 'rcode_name', 'answers'],
  http: 'method host uri referrer version user_agent request_body_len response_body_len status_code status_msg'.split(' '), // biome-ignore format: one list
  ssh: 'version client server cipher_alg mac_alg compression_alg kex_alg host_key_alg host_key'.split(' '), // biome-ignore format: one list
  ssl: 'version cipher curve server_name resumed next_protocol established cert_chain_fps'.split(' '), // biome-ignore format: one list
  x509: 'fingerprint certificate.serial certificate.subject certificate.issuer certificate.not_valid_before certificate.not_valid_after san.dns'.split(' '), // biome-ignore format: one list
  dnp3: ['fc_request', 'fc_reply', 'iin'],
  quic: 'version client_initial_dcid client_scid server_scid server_name client_protocol'.split(' '), // biome-ignore format: one list
  modbus: ['tid', 'unit', 'func', 'exception'],
  dhcp: 'client_addr server_addr mac host_name domain requested_addr assigned_addr lease_time circuit_id agent_remote_id subscriber_id'.split(' '), // biome-ignore format: one list
  kerberos: 'request_type client service success error_msg till cipher forwardable renewable'.split(' '), // biome-ignore format: one list
  rdp: 'cookie result client_channels client_name client_dig_product_id desktop_width desktop_height security_protocol keyboard_layout client_build requested_color_depth cert_type cert_count cert_permanent encryption_level encryption_method'.split(' '), // biome-ignore format: one list
  dce_rpc: ['named_pipe', 'endpoint', 'operation'],
  ntlm: 'username hostname domainname server_nb_computer_name'.split(' '),
  ftp: 'user command arg reply_code reply_msg data_channel.passive data_channel.resp_p'.split(' '),
  smtp: 'helo mailfrom rcptto date from to cc reply_to msg_id in_reply_to subject last_reply user_agent tls'.split(' '), // biome-ignore format: one list
}

/**
 * Reached, in percent: none may fall behind. A log that is not listed is not decoded. What is missing of http are bodies of
 * answers that have no head, of modbus a flow whose sequence numbers were fuzzed.
 */
const REACHED: Record<string, number> = {
  dns: 100,
  http: 97,
  ssh: 100,
  ssl: 100,
  x509: 100,
  quic: 100,
  modbus: 95,
  dnp3: 100,
  dhcp: 100,
  ftp: 100,
  smtp: 100,
  kerberos: 100,
  rdp: 100,
  dce_rpc: 97,
  ntlm: 100,
}

/** Logs about Zeek itself, or about flows and files rather than what a protocol says. */
const NOT_A_PROTOCOL = new Set(['conn', 'weird', 'notice', 'files', 'tunnel'])
const KEYS = ['id.orig_h', 'id.orig_p', 'id.resp_h', 'id.resp_p']

interface Case {
  id: string
  pcap: string
  expected: { log: string; file: string; rows: number }[]
}

const folder = corpus('zeek-traces')
const cases: Case[] = folder
  ? JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')).cases
  : []

function zeekLog(file: string): Fields[] {
  const rows: Fields[] = []
  let names: string[] = []
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line.startsWith('#fields\t')) names = line.split('\t').slice(1)
    if (line === '' || line.startsWith('#')) continue
    const row: Fields = {}
    for (const [i, value] of line.split('\t').entries())
      if (value !== '-' && value !== '(empty)') row[names[i] as string] = plain(value)
    rows.push(row)
  }
  return rows
}

function plain(value: string): string {
  return value
    .replace(/\\x([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replaceAll('\\\\', '\\')
}

const pick = (row: Fields, names: string[]): Fields =>
  Object.fromEntries(names.map((name) => [name, row[name]]))

/** Sets have no order, and Zeek writes the argument of a transfer as a URL. */
function alike(log: string, row: Fields): Fields {
  const sorted = (name: string) => ({ [name]: String(row[name]).split(',').sort().join(',') })
  if (log === 'smtp' && row.rcptto) Object.assign(row, sorted('rcptto'))
  if (log === 'smtp' && row.to) Object.assign(row, sorted('to'))
  if (log === 'ftp' && row.arg) row.arg = String(row.arg).replace(/^ftp:\/\/[^/]*\//, '')
  return row
}

/**
 * Rows of the same connection, where the log names one. Which end opened it is no field of a protocol: where the opening was
 * not seen Zeek goes by the port.
 */
function candidates(expected: Fields, rows: Fields[]): Fields[] {
  const alike = (keys: string[]) =>
    rows.filter(
      (row) =>
      KEYS.every((key, i) => expected[key] === undefined || String(row[keys[i] as string]) === String(expected[key])), // biome-ignore format: one condition
    )
  const straight = alike(KEYS)
  return straight.length > 0 ? straight : alike([...KEYS.slice(2), ...KEYS.slice(0, 2)])
}

describe.skipIf(!folder)('captures of Zeek', () => {
  test('fields by protocol', { timeout: 120_000 }, async () => {
    const oracle = new Oracle()
    for (const { id, pcap, expected } of cases) {
      const logs = expected.filter(({ log }) => !NOT_A_PROTOCOL.has(log))
      if (logs.length === 0) continue
      const { spoken } = await AppPath.run(join(folder as string, pcap))
      const ours = zeekRows(spoken)
      for (const { log, file } of logs) {
        const left = [...(ours[log] ?? [])]
        for (const row of zeekLog(join(folder as string, file))) {
          const names = COMPARED[log] ?? Object.keys(row).filter((name) => !/^(?:ts|uid|id\..*)$/.test(name)) // biome-ignore format: one list
          const fields = alike(log, pick(row, names))
          const found = closest(fields, candidates(row, left))
          if (found && log !== 'dhcp') left.splice(left.indexOf(found), 1)
          oracle.compare(log, id, fields, found)
        }
      }
    }
    process.stdout.write(`Zeek's captures\n${oracle.table()}\n`)
    oracle.holds(REACHED)
  })
})
