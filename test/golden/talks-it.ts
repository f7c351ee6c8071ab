/** Well-formed talks of office protocols. */
import { type Talk, textTalk } from '../traffic/app-talk.ts'

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

export const IT_TALKS: Talk[] = [FTP_TALK, FTP_TLS_TALK]
