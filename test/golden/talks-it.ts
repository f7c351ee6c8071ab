/** Well-formed talks of office protocols. */

import { type Talk, textTalk } from '../traffic/app-talk.ts'
import { KRB_MESSAGES } from './krb5-messages.ts'
import { rdpChosen, rdpClient, rdpRequest } from './rdp-messages.ts'
import { RPC_ANSWERED, RPC_ASKED } from './rpc-messages.ts'
import { framed, SMB1_ANSWERED, SMB1_ASKED, SMB2_ANSWERED, SMB2_ASKED } from './smb-messages.ts'

export const FTP_TALK = textTalk(
  21,
  '<220-files.example\r\n no code here\r\n220 ready\r\n',
  '>USER anna\r\n',
  '<331 Password required\r\n',
  '>PASS s3cret\r\n',
  '<230 Welcome\r\n',
  '>PASV\r\n',
  '<227 Entering Passive Mode (10,0,1,21,200,10)\r\n',
  '>RETR plan.pdf\r\n',
  '<150 Opening\r\n',
  '<226 Sent\r\n',
  '>EPRT |2|fd00::5|5282|\r\n',
)

export const FTP_TLS_TALK = textTalk(2121, '<220 ready\r\n', '>AUTH TLS\r\n', '<234 go ahead\r\n')

const PLAIN = Buffer.from('\0anna\0s3cret').toString('base64')
const SUBJECT = Buffer.from('Grüße').toString('base64')

export const SMTP_TALK = textTalk(
  25,
  '<220 mail.example ESMTP\r\n',
  '>EHLO front-desk\r\n',
  '<250-mail.example\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n',
  '>AUTH PLAIN\r\n',
  '<334 \r\n',
  `>${PLAIN}\r\n`,
  '<235 ok\r\n',
  '>MAIL FROM:<anna@example> SIZE=100\r\nRCPT TO:<bo@example>\r\nRCPT TO: <cy@example>\r\nDATA\r\n',
  '<250 ok\r\n250 ok\r\n553 no\r\n354 go\r\n',
  `>From: "Anna, desk" <anna@example>\r\nTo: bo@example,\r\n <cy@example>\r\nSubject: =?utf-8?B?${SUBJECT}?=\r\n =?iso-8859-1?q?_=E4?=\r\n` +
    'Content-Type: multipart/mixed; boundary="b 1"\r\n\r\nFrom: nobody\r\n--b 1\r\nContent-Disposition: attachment;\r\n filename="plan.pdf"\r\n\r\n..dot\r\n--b 1--\r\n.\r\n',
  '<250 queued\r\n',
  '>MAIL FROM:<anna@example>\r\n',
  '<250 ok\r\n',
  '>RCPT TO:<bo@example>\r\n',
  '<250 ok\r\n',
  '>BDAT 14\r\nSubject: two\r\nBDAT 5 LAST\r\n\r\nabc',
  '<250 ok\r\n250 queued too\r\n',
  '>QUIT\r\n',
  '<221 bye\r\n',
)

export const SMTP_TLS_TALK = textTalk(
  587,
  '<220 mail\r\n',
  '>EHLO front-desk\r\n',
  '<250 STARTTLS\r\n',
  '>STARTTLS\r\n',
  '<220 go ahead\r\n',
)

/** A question, then its answer, and so on. */
function turns(asked: Buffer[], answered: Buffer[]): Talk['turns'] {
  return asked.flatMap((bytes, i) => {
    const answer = answered[i]
    return [{ toServer: true, bytes }, ...(answer ? [{ toServer: false, bytes: answer }] : [])]
  })
}

export const SMB2_TALK = {
  port: 445,
  turns: turns(SMB2_ASKED.map(framed), SMB2_ANSWERED.map(framed)),
}
export const SMB1_TALK = {
  port: 139,
  turns: turns(SMB1_ASKED.map(framed), SMB1_ANSWERED.map(framed)),
}

const KRB = KRB_MESSAGES.map((bytes, i) => ({ toServer: i % 2 === 0, bytes: framed(bytes) }))
export const KRB_TALK = { port: 88, turns: KRB }

export const RDP_TALK = {
  port: 3389,
  turns: [
    { toServer: true, bytes: rdpRequest('anna', 3) },
    { toServer: false, bytes: rdpChosen(0) },
    { toServer: true, bytes: rdpClient('FRONT-DESK', ['rdpdr', 'cliprdr']) },
  ],
}
export const RDP_TLS_TALK = {
  port: 3389,
  turns: [
    { toServer: true, bytes: rdpRequest('bo', 3) },
    { toServer: false, bytes: rdpChosen(2) },
  ],
}

export const RPC_TALK = { port: 135, turns: turns(RPC_ASKED, RPC_ANSWERED) }

export const IT_TALKS: Talk[] = [
  FTP_TALK,
  FTP_TLS_TALK,
  SMTP_TALK,
  SMTP_TLS_TALK,
  SMB2_TALK,
  SMB1_TALK,
  KRB_TALK,
  RDP_TALK,
  RDP_TLS_TALK,
  RPC_TALK,
]
