/** Rules of office protocols over talks as they go on the wire: which fire, and on whose words. */
import { expect, test } from 'vitest'
import { EPMAPPER, rpcCall, rpcPdu } from '../../../test/golden/rpc-messages.ts'
import { framed, SMB2_ANSWERED, SMB2_ASKED, smb2 } from '../../../test/golden/smb-messages.ts'
import {
  FTP_TALK,
  KRB_TALK,
  RPC_TALK,
  SMB2_TALK,
  SMTP_TALK,
} from '../../../test/golden/talks-it.ts'
import { type Talk, textTalk } from '../../../test/traffic/app-talk.ts'
import { heeded } from '../../../test/traffic/rule-talk.ts'

const rule = (proto: string, options: string) => `alert ${proto} any any -> any any (${options})`

function fires(talk: Talk, proto: string, options: readonly string[], size?: number): string[] {
  const { fired, refused } = heeded(talk, options.map((each) => rule(proto, each)), size) // biome-ignore format: one thought
  expect(refused).toEqual([])
  return fired
}

test.each([1e6, 3])('FTP: commands, replies, ports of data (in segments of %d)', (size) => {
  const asked = [
    'ftp.command; content:"RETR"; ftp.command_data; content:"plan";',
    'ftp.command; content:"STOR";',
    'ftp.reply; content:"Opening";',
    'ftp.completion_code; content:"226"; bsize:3;',
    'ftp.dynamic_port:51210; flow:to_server;',
    'ftp.mode:passive; flow:to_client;',
    'ftp.reply_received:no; flow:to_client;',
  ]
  const all = fires(FTP_TALK, 'ftp', asked, size)
  expect(all.toSorted()).toEqual(['<3', '<4', '<6', '<7', '>1', '>5'])
})

test.each([1e6, 5])('SMTP: envelope, headers, an attached file (in segments of %d)', (size) => {
  const asked = [
    'smtp.helo; content:"front-desk"; bsize:10;',
    'smtp.mail_from; content:"anna@example"; bsize:12;',
    'smtp.rcpt_to; content:"cy@example";',
    'email.subject; content:"Gr"; startswith;',
    'file.data; content:".dot"; bsize:4;',
    'file.name; content:"plan.pdf"; bsize:8;',
    'filename:"other.pdf";',
    'filesize:4;',
    'email.from; content:"nobody";',
  ]
  const first = ['>1', '>2', '>3', '>4', '>5', '>6', '>8']
  // The second message has an envelope of its own, and no file.
  expect(fires(SMTP_TALK, 'smtp', asked, size).toSorted()).toEqual(
    [...first, '>1', '>2'].toSorted(),
  )
})

test('HTTP: a header line without a colon hides nothing', () => {
  const talk = textTalk(
    80,
    '>GET / HTTP/1.1\r\nHost: a\r\n) Havij  \r\nConnection: close\r\nmore\r\n\r\n',
    '<HTTP/1.1 200 OK\r\nabc\r\nContent-Length: 0\r\n\r\n',
  )
  const asked = [
    'http.header; flow:to_server; content:"Host: a|0d 0a|: ) Havij, more|0d 0a|Connection: close|0d 0a|"; bsize:45;',
    'http.header_names; flow:to_server; content:"|0d 0a|Host|0d 0a 0d 0a|Connection|0d 0a 0d 0a|"; bsize:24;',
    'http.header.raw; flow:to_server; content:"close|0d 0a|more|0d 0a 0d 0a|"; endswith;',
    'http.start; content:"GET / HTTP/1.1|0d 0a|Host: a|0d 0a|: ) Havij, more|0d 0a|Connection: close|0d 0a 0d 0a|"; startswith; endswith;',
    'http.request_header; content:": ) Havij, more"; bsize:15;',
    'app-layer-event:http.request_field_missing_colon; flow:to_server;',
    'http.header; flow:to_client; content:": abc|0d 0a|Content-Length: 0|0d 0a|"; bsize:26;',
    'http.response_header; content:": abc"; bsize:5;',
    'app-layer-event:http.response_field_missing_colon;',
  ]
  const all = fires(talk, 'http', asked)
  expect(all.toSorted()).toEqual(['<7', '<8', '<9', '>1', '>2', '>3', '>4', '>5', '>6'])
})

test('HTTP: first lines are as sent, and the host is the one that servers take', () => {
  const named = textTalk(
    80,
    '>GET\thttp://u:p@B.Example:81/a  http/1.1\r\nHost: a\r\n\r\n',
    '<HTTP/1.1  200 Fine \r\nContent-Length: 0\r\n\r\n',
  )
  const asked = [
    'http.request_line; content:"GET|09|http://u:p@B.Example:81/a  http/1.1"; bsize:39;',
    'http.protocol; flow:to_server; content:"http/1.1"; bsize:8;',
    'http.host; content:"b.example"; bsize:9;',
    'http.host.raw; content:"b.example"; bsize:9;',
    'http.response_line; content:"HTTP/1.1  200 Fine "; bsize:19;',
  ]
  expect(fires(named, 'http', asked).toSorted()).toEqual(['<5', '>1', '>2', '>3', '>4'])
  const late = textTalk(8000, '>\t  GET /late HTTP/1.1\r\nHost: a\r\n\r\n')
  const line = ['http.request_line; content:"|09|  GET /late HTTP/1.1"; bsize:21;', 'http.uri; content:"/late";'] // biome-ignore format: one line
  expect(fires(late, 'http', line, 1).toSorted()).toEqual(['>1', '>2'])
  const twice = textTalk(80, '>GET / HTTP/1.1\r\nHost: A\r\nHost: b:81\r\n\r\n')
  const both = ['http.host; content:"a, b"; bsize:4;', 'http.host.raw; content:"A, b:81"; bsize:7;']
  expect(fires(twice, 'http', both).toSorted()).toEqual(['>1', '>2'])
})

test('SMTP: what Suricata has an event for', () => {
  const talk = textTalk(
    25,
    '<220 mail ESMTP\r\n',
    '>HELO a\r\n',
    '<250 x\r\n',
    '>HELO b\r\n',
    '<250 x\r\n',
    '>BDAT x\r\n',
    '<501 what\r\n',
    '>MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n',
    '<250 ok\r\n250 ok\r\n503 no\r\n',
    '>QUIT\r\n',
    '<999 odd\r\n',
  )
  const events = ['duplicate_fields', 'invalid_bdat', 'data_command_rejected', 'invalid_reply']
  const asked = events.map((event) => `app-layer-event:smtp.${event};`)
  // What is odd in a question is so in its answer.
  expect(fires(talk, 'smtp', asked)).toEqual(['>1', '<1', '>2', '<2', '<3', '<4'])
  expect(heeded(talk, [rule('smtp', 'app-layer-event:smtp.no_such;')]).refused).toEqual([
    '1: the event smtp.no_such is not noticed here',
  ])
})

test.each([1e6, 7])('SMB: who logs in, to what, and a file that is written (%d)', (size) => {
  const [, , , create, write] = SMB2_ASKED as Buffer[]
  const file = Buffer.alloc(48 + 9)
  file.writeUInt16LE(64 + 48, 2)
  file.writeUInt32LE(9, 4)
  file.write('EVIL FILE', 48)
  const close = smb2({ command: 6, messageId: 9, treeId: 5 }, Buffer.alloc(24))
  const turns = [
    ...SMB2_TALK.turns.slice(0, 8),
    { toServer: true, bytes: framed(smb2({ command: 9, messageId: 8, treeId: 5 }, file)) },
    { toServer: true, bytes: framed(close) },
  ]
  expect([create?.length, write?.length, SMB2_ANSWERED.length]).not.toContain(undefined)
  const asked = [
    'smb.ntlmssp_user; content:"anna"; bsize:4;',
    'smb.ntlmssp_domain; content:"OFFICE";',
    'smb.share; content:"|5c|plans"; endswith;',
    'smb.named_pipe; content:"plans";',
    'file.data; content:"EVIL"; startswith; content:"FILE"; endswith;',
    'smb.version:1;',
  ]
  expect(fires({ port: 445, turns }, 'smb', asked, size)).toEqual(['>1', '>2', '>3', '>5'])
})

test('DCE/RPC: interface, operation and arguments, by themselves and in a pipe of SMB', () => {
  const asked = [
    `dcerpc.iface:${EPMAPPER}; dcerpc.opnum:3; flow:to_server;`,
    `dce_iface:${EPMAPPER},>2; dce_opnum:1-2,7; flow:to_server;`,
    `dcerpc.iface:${EPMAPPER},<3; flow:to_server;`,
    'dcerpc.iface:12345678-1234-abcd-ef00-01234567cffb; flow:to_server;',
    'dcerpc.stub_data; bsize:60; flow:to_server;',
  ]
  expect(fires(RPC_TALK, 'dcerpc', asked)).toEqual(['>1', '>5', '>2'])
  const bind = RPC_TALK.turns[0]?.bytes as Buffer
  const transceive = (bytes: Buffer, messageId: number) => {
    const head = Buffer.alloc(56)
    head.writeUInt32LE(0x0011_c017, 4)
    head.writeUInt32LE(64 + 56, 24)
    head.writeUInt32LE(bytes.length, 28)
    return framed(smb2({ command: 11, messageId, treeId: 7 }, Buffer.concat([head, bytes])))
  }
  const call = rpcPdu({ type: 0, callId: 2 }, rpcCall(3, 40))
  const turns = [bind, call].map((bytes, i) => ({
    toServer: true,
    bytes: transceive(bytes, i + 1),
  }))
  const { proto, fired } = heeded({ port: 445, turns }, asked.map((each) => rule('dcerpc', each))) // biome-ignore format: one thought
  expect([proto, fired]).toEqual(['smb', ['>1']])
})

test('Kerberos: kinds of messages and errors, each on the side that sent it', () => {
  const asked = [10, 11, 12, 13, 30].map((type) => `krb5_msg_type:${type};`)
  asked.push('krb5_err_code:25;', 'krb5.ticket_encryption:weak;', 'krb5.sname; content:"cifs";')
  const all = fires(KRB_TALK, 'krb5', asked)
  expect(all).toEqual(['>1', '<5', '<6', '>3', '<4', '<7', '<8', '>1'])
})

test('a file is asked for in whichever protocol carries it', () => {
  const any = [
    'file.data; content:".dot";',
    'smtp.helo; content:"front"; file.name; content:"plan";',
  ]
  expect(fires(SMTP_TALK, 'tcp', any)).toEqual(['>1', '>2'])
  expect(fires(FTP_TALK, 'tcp', any)).toEqual([])
})

test('HTTP: a body nobody announced, and requests that are not quite', () => {
  const asked = [
    'http.request_body; content:"a=b"; app-layer-event:http.request_body_unexpected;',
    'app-layer-event:http.request_line_missing_protocol; flow:to_server;',
    'app-layer-event:http.request_chunk_extension; flow:to_server;',
  ]
  const unexpected = textTalk(
    80,
    '>POST / HTTP/1.1\r\nHost: x\r\n\r\na=b\r\n',
    '<HTTP/1.1 200 OK\r\n\r\n',
  )
  expect(fires(unexpected, 'http', asked)).toEqual(['>1'])
  expect(fires(textTalk(80, '>GET /\nHost: x\n\n'), 'http', asked)).toEqual(['>2'])
  const chunks = '>POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n'
  expect(fires(textTalk(80, chunks), 'http', asked)).toEqual(['>3'])
  const answer = '<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n'
  const told = ['app-layer-event:http.request_chunk_extension; flow:to_client;']
  expect(fires(textTalk(80, '>GET / HTTP/1.1\r\n\r\n', answer), 'http', told)).toEqual(['<1'])
})

test('a rule cannot be about two protocols', () => {
  const { refused } = heeded(FTP_TALK, [
    rule('smb', 'ftp.command; content:"x";'),
    rule('smb', `dcerpc.opnum:1; smb.share; content:"x";`),
    rule('ftp', 'file.data; content:"x";'),
  ])
  expect(refused).toEqual(['1: the rule is about smb already', '3: the rule is about ftp already'])
})

test('a rule may leave a protocol out, and waits until it is known which it is', () => {
  const asked = ['content:"host"; nocase; app-layer-protocol:!http;', 'content:"host"; nocase; app-layer-protocol:!ftp;'] // biome-ignore format: one list
  const http = textTalk(80, '>GET / HTTP/1.1\r\nHost: x\r\n\r\n', '<HTTP/1.1 200 OK\r\n\r\n')
  expect(fires(http, 'tcp', asked)).toEqual(['>2'])
  const none = textTalk(4000, '>my host is x\r\n', '>and so on\r\n')
  expect(fires(none, 'tcp', asked).toSorted()).toEqual(['>1', '>2'])
})
