import { expect, test } from 'vitest'
import { DHCP_ACK, DHCP_REQUEST, DHCP6_REPLY } from '../../test/golden/messages-it.ts'
import {
  FTP_TALK,
  KRB_TALK,
  RDP_TALK,
  RDP_TLS_TALK,
  RPC_TALK,
  SMB2_TALK,
  SMTP_TALK,
  SMTP_TLS_TALK,
} from '../../test/golden/talks-it.ts'
import { heard, type Talk } from '../../test/traffic/app-talk.ts'
import { decodeDhcp } from '../decode/dhcp.ts'
import { decodeDhcp6 } from '../decode/dhcp6.ts'
import type { DhcpMessage, ItTransaction } from '../decode/records-it.ts'
import { type FlowView, transactionEvent } from './eve.ts'

const view: FlowView = {
  flowId: '7',
  communityId: '1:x',
  client: '10.0.0.5',
  server: '10.0.0.1',
  clientPort: 40_000,
  serverPort: 1,
  clientHome: true,
  serverHome: true,
  protocol: 6,
  appProto: 'dhcp',
}
const row = (tx: ItTransaction) => transactionEvent(view, tx, { timeUs: 0, number: 1 })

test('DHCP over IPv6: types and ids are of another kind', () => {
  const dhcp = decodeDhcp6(DHCP6_REPLY, false) as DhcpMessage
  expect(row({ proto: 'dhcp', stage: 'done', dhcp })).toMatchObject({
    message: '10.0.0.1 answered 02:00:00:00:00:05 (front-desk.example) by DHCP reply: 2001:db8::5.',
    record: {
      dhcp: {
        type: 'reply',
        dhcp_type: 'reply',
        assigned_ip: '2001:db8::5',
        client_id: '000100011c39cf88020000000005',
        lease_time: 3600,
        dns_servers: ['2001:db8::1'],
      },
    },
  })
  const silent = { ...dhcp, op: 1, type: 14, clientMac: '', fqdn: '', toServer: true }
  expect(row({ proto: 'dhcp', stage: 'done', dhcp: silent })?.message).toBe(
    '10.0.0.5 sent DHCP leasequery for an address.',
  )
})

test('DHCP: a question, and an answer that the server sent', () => {
  const request = decodeDhcp(DHCP_REQUEST, true) as DhcpMessage
  expect(row({ proto: 'dhcp', stage: 'done', dhcp: request })).toMatchObject({
    kind: 'dhcp',
    src_ip: '10.0.0.5',
    record: {
      event_type: 'dhcp',
      dhcp: {
        type: 'request',
        id: 0x12345678,
        client_mac: '02:00:00:00:00:05',
        client_ip: '0.0.0.0',
        dhcp_type: 'request',
        client_id: '02:00:00:00:00:05',
        hostname: 'front-desk',
        requested_ip: '10.0.0.5',
        params: ['subnet_mask', 'router', 'dns_server', 'ntp_server'],
      },
    },
  })
  const ack = decodeDhcp(DHCP_ACK, false) as DhcpMessage
  expect(row({ proto: 'dhcp', stage: 'done', dhcp: ack })).toMatchObject({
    src_ip: '10.0.0.1',
    message: '10.0.0.1 answered 02:00:00:00:00:05 by DHCP ack: 10.0.0.5.',
    record: { dhcp: { type: 'reply', dhcp_type: 'ack', lease_time: 3600, relay_ip: '0.0.0.0' } },
  })
})

/** The rows of a talk. */
const rows = (talk: Talk) => heard(talk).said.map((tx) => row(tx as ItTransaction))

test('FTP: what was asked and replied; a password stays out', () => {
  const all = rows(FTP_TALK)
  expect(all[1]).toMatchObject({
    kind: 'ftp',
    user: 'anna',
    message: '10.0.0.5 sent 10.0.0.1 by FTP USER anna: 331 Password required.',
    record: {
      event_type: 'ftp',
      ftp: {
        command: 'USER',
        command_data: 'anna',
        completion_code: ['331'],
        reply: ['Password required'],
        reply_received: 'yes',
      },
    },
  })
  expect(all[2]).toMatchObject({ record: { ftp: { command: 'PASS', command_data: '<hidden>' } } })
  expect(JSON.stringify(all)).not.toContain('s3cret')
  expect(all[3]).toMatchObject({ record: { ftp: { mode: 'passive', dynamic_port: 51_210 } } })
})

test('SMTP: the envelope and what the message says of itself; no password, no text', () => {
  const all = rows(SMTP_TALK)
  expect(all).toMatchObject([
    {
      kind: 'smtp',
      user: 'anna',
      message:
        '10.0.0.5 sent 10.0.0.1 mail from <anna@example> to <bo@example> and 1 more: 250 queued.',
      record: {
        event_type: 'smtp',
        smtp: {
          helo: 'front-desk',
          mail_from: '<anna@example>',
          rcpt_to: ['<bo@example>', '<cy@example>'],
        },
        email: {
          status: 'PARSE_DONE',
          from: '"Anna, desk" <anna@example>',
          to: ['bo@example', '<cy@example>'],
          subject: 'Grüße ä',
          attachment: ['plan.pdf'],
        },
      },
    },
    { record: { smtp: { last_reply: '250 queued too' }, email: { subject: 'two' } } },
  ])
  expect(JSON.stringify(all)).not.toContain('s3cret')
  expect(rows(SMTP_TLS_TALK)).toMatchObject([{ record: { smtp: { tls: true } } }])
})

test('SMB: each request with its answer', () => {
  const all = rows(SMB2_TALK)
  expect(all.map((each) => each?.message)).toEqual([
    '10.0.0.5 and 10.0.0.1 agreed on SMB 3.11.',
    '10.0.0.5 (FRONT-DESK) logged in to 10.0.0.1 by SMB as OFFICE\\anna: STATUS_LOGON_FAILURE.',
    '10.0.0.5 connected to \\\\files\\plans of 10.0.0.1.',
    '10.0.0.5 opened secret\\plan.docx on \\\\files\\plans of 10.0.0.1.',
  ])
  expect(all[1]).toMatchObject({
    kind: 'smb',
    user: 'anna',
    record: {
      event_type: 'smb',
      smb: {
        id: 2,
        dialect: '3.11',
        command: 'SMB2_COMMAND_SESSION_SETUP',
        status: 'STATUS_LOGON_FAILURE',
        status_code: '0xc000006d',
        session_id: 7,
        ntlmssp: {
          domain: 'OFFICE',
          user: 'anna',
          host: 'FRONT-DESK',
          version: '10.0 build 19041 rev 15',
        },
      },
    },
  })
  expect(all[3]).toMatchObject({
    record: {
      smb: {
        command: 'SMB2_COMMAND_CREATE',
        filename: 'secret\\plan.docx',
        disposition: 'FILE_OPEN',
        access: 'delete on close',
      },
    },
  })
})

test('Kerberos: a ticket asked for and how it is encrypted, or the error', () => {
  const all = rows(KRB_TALK)
  expect(all.map((each) => each?.message)).toEqual([
    'anna@OFFICE.EXAMPLE (10.0.0.5) asked 10.0.0.1 for a Kerberos ticket to krbtgt/OFFICE.EXAMPLE: KDC_ERR_PREAUTH_REQUIRED.',
    'anna@OFFICE.EXAMPLE (10.0.0.5) asked 10.0.0.1 for a Kerberos ticket to cifs/files.',
    undefined, // without an answer the row of the question is all
  ])
  expect(all[0]).toMatchObject({
    kind: 'krb5',
    user: 'anna',
    record: {
      krb5: {
        msg_type: 'KRB_ERROR',
        failed_request: 'KRB_AS_REQ',
        error_code: 'KDC_ERR_PREAUTH_REQUIRED',
        cname: '<empty>',
        realm: '<empty>',
        sname: 'krbtgt/OFFICE.EXAMPLE',
        encryption: '<none>',
        weak_encryption: false,
      },
    },
  })
  expect(all[1]).toMatchObject({
    record: {
      krb5: {
        msg_type: 'KRB_TGS_REP',
        sname: 'cifs/files',
        encryption: 'aes256-cts-hmac-sha1-96',
        ticket_encryption: 'rc4-hmac',
        ticket_weak_encryption: true,
      },
    },
  })
})

test('RDP: who asked, what was chosen', () => {
  expect(rows(RDP_TALK)).toMatchObject([
    {
      kind: 'rdp',
      user: 'anna',
      message: '10.0.0.5 (FRONT-DESK) asked 10.0.0.1 for a desktop as anna by rdp.',
      record: {
        rdp: {
          event_type: 'connect_request',
          cookie: 'anna',
          protocol: 'rdp',
          client: { client_name: 'FRONT-DESK', desktop_width: 1920 },
          channels: ['rdpdr', 'cliprdr'],
        },
      },
    },
  ])
  expect(rows(RDP_TLS_TALK)).toMatchObject([
    { record: { rdp: { event_type: 'initial_response', cookie: 'bo', protocol: 'hybrid' } } },
  ])
})

test('DCE/RPC: what was bound to and called', () => {
  const all = rows(RPC_TALK)
  expect(all.map((each) => each?.message)).toEqual([
    '10.0.0.5 bound to epmapper at 10.0.0.1.',
    '10.0.0.5 logged in to RPC of 10.0.0.1 as anna.',
    '10.0.0.5 called operation 3 of epmapper at 10.0.0.1.',
    '10.0.0.5 called operation 2 of epmapper at 10.0.0.1: a fault.',
  ])
  expect(all).toMatchObject([
    {
      kind: 'dcerpc',
      record: {
        dcerpc: {
          request: 'BIND',
          response: 'BINDACK',
          interfaces: [{ version: '3.0', ack_result: 0 }],
          rpc_version: '5.0',
          call_id: 1,
        },
      },
    },
    { user: 'anna', record: { dcerpc: { request: 'AUTH3', response: 'UNREPLIED' } } },
    {
      record: {
        dcerpc: {
          request: 'REQUEST',
          response: 'RESPONSE',
          req: { opnum: 3, frag_cnt: 2, stub_data_size: 60 },
          res: { frag_cnt: 2, stub_data_size: 16 },
        },
      },
    },
    { record: { dcerpc: { response: 'FAULT', fault: '0x5' } } },
  ])
})
