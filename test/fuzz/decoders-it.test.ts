/** Decoders of office protocols alone: a record or a word, within its bounds. */
import { decodeRpc, looksLikeRpc } from '../../agent/decode/dcerpc.ts'
import { decodeRpcDatagram, looksLikeRpcDatagram } from '../../agent/decode/dcerpc-udp.ts'
import { decodeDhcp } from '../../agent/decode/dhcp.ts'
import { decodeDhcp6, looksLikeDhcp6 } from '../../agent/decode/dhcp6.ts'
import { passiveOf, portOf } from '../../agent/decode/ftp.ts'
import { decodeKrb5 } from '../../agent/decode/krb5.ts'
import {
  addressList,
  decodeMailHeader,
  decodeWords,
  mailParameter,
  mailPath,
  plainUser,
} from '../../agent/decode/mail.ts'
import { findNtlm } from '../../agent/decode/ntlmssp.ts'
import { decodeRdp, looksLikeRdp, tpktBytes } from '../../agent/decode/rdp.ts'
import { decodeCommand, decodeReply } from '../../agent/decode/reply.ts'
import { decodeSmb2 } from '../../agent/decode/smb.ts'
import { decodeSmb1 } from '../../agent/decode/smb1.ts'
import { decodeSnmp, looksLikeSnmp } from '../../agent/decode/snmp.ts'
import { decodeSshOffer, hassh, hasshText, sshChoice } from '../../agent/decode/ssh.ts'
import { decodeTftp } from '../../agent/decode/tftp.ts'
import { bodyDecoder } from '../../agent/flow/mail-body.ts'
import { KRB_MESSAGES } from '../golden/krb5-messages.ts'
import { DHCP_ACK, DHCP_REQUEST, DHCP6_REPLY, dhcp6Relay } from '../golden/messages-it.ts'
import { rdpChosen, rdpClient, rdpRefused, rdpRequest, rdpServer } from '../golden/rdp-messages.ts'
import { RPC_ANSWERED, RPC_ASKED } from '../golden/rpc-messages.ts'
import { rpcDatagram, SNMP_GET, SNMP_TRAP, TFTP_READ } from '../golden/small-messages.ts'
import {
  ntlmLogin,
  SMB1_ANSWERED,
  SMB1_ASKED,
  SMB2_ANSWERED,
  SMB2_ASKED,
} from '../golden/smb-messages.ts'
import { fuzzBytes, recordOrFault } from './fuzz.ts'
import { realTraffic } from './seeds.ts'

const { payloads } = await realTraffic()
const real = (port: number) => payloads.get(port) ?? []

fuzzBytes(
  'dhcp over IPv6',
  [DHCP6_REPLY, dhcp6Relay(DHCP6_REPLY), ...real(546), ...real(547)],
  (bytes) => {
    looksLikeDhcp6(bytes)
    recordOrFault(decodeDhcp6(bytes, true), ({ dnsServers, fqdn }) => {
      if (dnsServers.length > 16 || fqdn.length > 64 * 64) throw new Error('too many')
    })
  },
)

fuzzBytes('dhcp', [DHCP_REQUEST, DHCP_ACK, ...real(67)], (bytes) => {
  recordOrFault(decodeDhcp(bytes, true), ({ routers, dnsServers, relayAgent, hostname }) => {
    if (routers.length > 16 || dnsServers.length > 16 || relayAgent.length > 16)
      throw new Error('too many')
    if (hostname.length > 1024) throw new Error('a name is too long')
  })
})

const LINES = ['PORT 10,0,0,5,4,1', 'EPRT |1|10.0.0.5|1025|', '227 ok (1,2,3,4,5,6)', '229 (|||9|)']
fuzzBytes('ftp', [...LINES.map((line) => Buffer.from(line)), ...real(21)], (bytes) => {
  const { verb, argument } = decodeCommand(bytes)
  const reply = decodeReply(bytes)
  const text = bytes.toString('latin1')
  for (const place of [portOf(verb, argument), passiveOf(227, text), passiveOf(229, text)])
    if (place && !(place.port > 0 && place.port < 65_536)) throw new Error(`port ${place.port}`)
  if (reply && !(reply.code >= 100 && reply.code < 700)) throw new Error(`code ${reply.code}`)
})

const MAIL = [
  'Subject: =?utf-8?B?R3LDvMOfZQ==?= =?gb2312?q?=C4=E3?= =?x-none?q?a?=',
  'To: "a, b" <a@b>, c@d',
  'Content-Type: multipart/mixed; boundary="x"; name=y.pdf',
  'FROM:<a@b> SIZE=1',
]
fuzzBytes('mail', [...MAIL.map((line) => Buffer.from(line)), ...real(25)], (bytes) => {
  const text = bytes.toString('latin1')
  const header = decodeMailHeader(text)
  if (header && (header.name === '' || header.value.length > 16_384)) throw new Error('a header')
  if (addressList(text).length > 128) throw new Error('too many addresses')
  if (decodeWords(text).length > text.length * 3) throw new Error('words that grow')
  for (const name of ['boundary', 'name'])
    if ((mailParameter(text, name) ?? '').length > 16_384) throw new Error('a long name')
  if ((mailPath(text, 'FROM') ?? '').length > 1002 || plainUser(text).length > 1024)
    throw new Error('a long path')
})

const smb = real(445).map((bytes) => bytes.subarray(4))
fuzzBytes(
  'smb',
  [...SMB1_ASKED, ...SMB1_ANSWERED, ...SMB2_ASKED, ...SMB2_ANSWERED, ...smb],
  (bytes) => {
    for (const parts of [decodeSmb1(bytes), decodeSmb2(bytes)])
      recordOrFault(parts, (list) => {
        if (list.length > 16) throw new Error('too many parts')
        for (const { filename = '', share = '', dialects = [] } of list)
          if (filename.length > 4096 || share.length > bytes.length || dialects.length > 32)
            throw new Error('more than a message holds')
      })
  },
)

fuzzBytes('ntlm', [ntlmLogin('OFFICE', 'anna', 'FRONT-DESK'), ...smb], (bytes) => {
  const { user = '', serverName = '' } = findNtlm(bytes) ?? {}
  if (user.length > 1024 || serverName.length > 1024) throw new Error('a name is too long')
})

fuzzBytes('krb5', [...KRB_MESSAGES, ...real(88)], (bytes) => {
  recordOrFault(decodeKrb5(bytes), ({ cname, sname, etypes }) => {
    if (cname.length > 8200 || sname.length > 8200 || etypes.length > 32)
      throw new Error('too much')
  })
})

fuzzBytes(
  'rdp',
  [
    rdpRequest('anna', 3),
    rdpChosen(1),
    rdpRefused(5),
    rdpClient('FRONT-DESK', ['rdpdr']),
    rdpServer([]),
    rdpServer([Buffer.alloc(40, 1), Buffer.alloc(9, 2)], true),
    ...real(3389),
  ],
  (bytes) => {
    looksLikeRdp(bytes)
    const size = tpktBytes(bytes, 0)
    if (typeof size === 'string') recordOrFault(size)
    recordOrFault(decodeRdp(bytes), (message) => {
      if (message.kind === 'request' && message.cookie.length > 512)
        throw new Error('a long cookie')
      if (message.kind === 'client' && message.client.channels.length > 31)
        throw new Error('too many')
    })
  },
)

fuzzBytes('dcerpc', [...RPC_ASKED, ...RPC_ANSWERED, ...real(135)], (bytes) => {
  looksLikeRpc(bytes)
  recordOrFault(decodeRpc(bytes), ({ interfaces, results, stubBytes }) => {
    if (interfaces.length > 32 || results.length > 32) throw new Error('too many')
    if (!(stubBytes >= 0 && stubBytes <= 65_535)) throw new Error(`a stub of ${stubBytes} bytes`)
  })
})

fuzzBytes(
  'dcerpc over datagrams',
  [rpcDatagram(0, 7), rpcDatagram(2, 7), ...real(135)],
  (bytes) => {
    if (!looksLikeRpcDatagram(bytes)) return
    const { stub, opnum } = decodeRpcDatagram(bytes)
    if (stub.length > bytes.length - 80 || opnum > 0xffff) throw new Error('more than it holds')
  },
)

fuzzBytes('snmp', [SNMP_GET, SNMP_TRAP, ...real(161)], (bytes) => {
  looksLikeSnmp(bytes)
  recordOrFault(decodeSnmp(bytes, true), ({ community, vars }) => {
    if (community.length > 256 || vars.length > 64) throw new Error('too much')
    if (vars.some((oid) => oid.length > 4096)) throw new Error('a long id')
  })
})

fuzzBytes('tftp', [TFTP_READ, ...real(69)], (bytes) => {
  recordOrFault(decodeTftp(bytes), ({ file }) => {
    if (file.length > 512) throw new Error('a long name')
  })
})

const TEXTS = ['=?=41=\r\n', 'QUJD', 'QQ==QkM=', 'plain'].map((text) => Buffer.from(text))
fuzzBytes('mail bodies, hassh', [...TEXTS, ...real(25)], (bytes) => {
  for (const encoding of ['base64', 'quoted-printable', '8bit']) {
    let size = 0
    const body = bodyDecoder(encoding, (part) => {
      size += part.length
    })
    body.line(bytes)
    body.line(bytes)
    body.ended()
    if (size > 2 * bytes.length + 2) throw new Error('a body that grows')
  }
  const offer = decodeSshOffer(bytes)
  if (offer && hassh(hasshText(offer, true)).length !== 32) throw new Error('no md5')
  if (offer && sshChoice(offer, offer).length !== offer.length) throw new Error('no choice')
})
