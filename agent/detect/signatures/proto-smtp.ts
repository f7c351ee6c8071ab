/** SMTP: the envelope, and headers of the message. */
import type { SmtpMail } from '../../decode/records-it.ts'
import { type BufferSource, eachOf, textOf } from './buffer-source.ts'

const smtp = (
  name: string,
  read: (mail: SmtpMail) => ReturnType<BufferSource['read']>,
  { multi = false, late = false } = {},
): BufferSource => ({
  name,
  protos: ['smtp'],
  side: 'request',
  body: late,
  multi,
  read: (tx) => (tx.proto === 'smtp' ? read(tx.smtp) : undefined),
})

const headers = (mail: SmtpMail, wanted: string) =>
  mail.headers.filter(({ name }) => name === wanted).map(({ value }) => value)

const header = (name: string, field: string): BufferSource =>
  smtp(name, (mail) => textOf(headers(mail, field)[0] ?? ''), { late: true })

export const SMTP_BUFFERS: readonly BufferSource[] = [
  smtp('smtp.helo', ({ helo }) => textOf(helo)),
  smtp('smtp.mail_from', ({ from }) => textOf(bare(from))),
  smtp('smtp.rcpt_to', ({ to }) => eachOf(to.map(bare)), { multi: true }),
  header('email.from', 'from'),
  header('email.subject', 'subject'),
  header('email.to', 'to'),
  header('email.cc', 'cc'),
  header('email.date', 'date'),
  header('email.message_id', 'message-id'),
  header('email.x_mailer', 'x-mailer'),
  smtp('email.received', (mail) => eachOf(headers(mail, 'received')), {
    multi: true,
    late: true,
  }),
  smtp('email.url', ({ urls }) => eachOf(urls), { multi: true, late: true }),
]

/** The address without its brackets. */
const bare = (path: string) => path.replace(/^<(.*)>$/, '$1')
