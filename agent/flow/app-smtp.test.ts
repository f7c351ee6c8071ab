import { expect, test } from 'vitest'
import { clientHello } from '../../test/golden/messages.ts'
import { SMTP_TALK, SMTP_TLS_TALK } from '../../test/golden/talks-it.ts'
import { heard, textTalk } from '../../test/traffic/app-talk.ts'
import { SmtpFlow } from './app-smtp.ts'

test.each([1e6, 5, 1])('two messages of one session, in segments of %d bytes', (size) => {
  const { proto, said, faults } = heard(SMTP_TALK, size)
  expect([proto, faults]).toEqual(['smtp', []])
  expect(said).toMatchObject([
    {
      proto: 'smtp',
      smtp: {
        id: 0,
        helo: 'front-desk',
        user: 'anna',
        from: '<anna@example>',
        to: ['<bo@example>', '<cy@example>'],
        attachments: ['plan.pdf'],
        whole: true,
        lastReply: '250 queued',
        tls: false,
      },
    },
    { smtp: { id: 1, headers: [{ name: 'subject', value: 'two' }], whole: true } },
  ])
})

test('TLS is looked for once the server agreed to it', () => {
  const hello = { toServer: true, bytes: clientHello('mail.example') }
  const { proto, said } = heard({ ...SMTP_TLS_TALK, turns: [...SMTP_TLS_TALK.turns, hello] })
  expect(proto).toBe('tls')
  expect(said.map((tx) => tx.proto)).toEqual(['smtp', 'tls', 'tls'])
  expect(said[0]).toMatchObject({ smtp: { tls: true, helo: 'front-desk', from: '' } })
})

test('a server that refuses DATA, and a client alone', () => {
  const refused = textTalk(
    25,
    '<220 x\r\n',
    '>EHLO a\r\n',
    '<250 x\r\n',
    '>MAIL FROM:<a@b>\r\n',
    '<250 x\r\n',
    '>DATA\r\n',
    '<521 no\r\n',
    '>QUIT\r\n',
    '<221 bye\r\n',
  )
  expect(heard(refused).said).toMatchObject([
    { smtp: { from: '<a@b>', whole: false, headers: [], lastReply: '221 bye' } },
  ])
  const alone =
    '>HELO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n.\r\n'
  expect(heard(textTalk(25, alone)).said).toMatchObject([
    { smtp: { whole: true, headers: [{ name: 'subject', value: 'x' }], lastReply: '' } },
  ])
})

/** The first file of the talk, as a rule would see it. */
function attached(...lines: string[]): { name: string; text: string } | undefined {
  const found: { name: string; text: string }[] = []
  const flow = new SmtpFlow({
    transaction: (tx) => {
      if (tx.proto === 'smtp' && tx.file)
        found.push({ name: tx.file.name, text: Buffer.from(tx.file.data).toString('latin1') })
    },
    fault: () => {},
    event: () => {},
    expect: () => {},
  })
  for (const { toServer, bytes } of textTalk(25, ...lines).turns) flow.stream(toServer, bytes)
  flow.ended()
  return found[0]
}

const DATA = '>MAIL FROM:<a@b>\r\nDATA\r\n'

test('a file is whole however long its lines are', () => {
  const text = 'no line of mail is this long. '.repeat(1000)
  const head = 'Content-Disposition: attachment; filename*0=pl; filename*1="an.txt"\r\n'
  const encoded = Buffer.from(text).toString('base64')
  const body = `>${head}Content-Transfer-Encoding: base64\r\n\r\n${encoded}\r\n.\r\n`
  expect(attached(DATA, '<250 ok\r\n354 go\r\n', body)).toEqual({ name: 'plan.txt', text })
})

test('a text that is sent before the server has greeted is out of turn, once it does greet', () => {
  const early = '>EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nfrom me\r\n.\r\n'
  const events = (...turns: string[]) => heard(textTalk(25, ...turns)).events
  expect(events(early, '<220 x\r\n', '<250 a\r\n250 ok\r\n')).toEqual([
    'smtp.invalid_pipelined_sequence',
  ])
  expect(events(early)).toEqual([])
  expect(events('<220 x\r\n', '>EHLO a\r\n')).toEqual([])
})

test('a file inside a message inside a message', () => {
  const inner = 'Content-Disposition: attachment; filename="a.exe"\r\n\r\nMZ'
  const body = `>Content-Type: message/rfc822\r\n\r\nSubject: in\r\n${inner}\r\n.\r\n`
  expect(attached(DATA, '<250 ok\r\n354 go\r\n', body)).toEqual({ name: 'a.exe', text: 'MZ' })
})

test('messages that are sent before the one before is answered are told apart', () => {
  const talk = textTalk(
    25,
    '<220 x\r\n',
    '>EHLO a\r\n',
    '<250-PIPELINING\r\n250 ok\r\n',
    '>MAIL FROM:<a@b>\r\nDATA\r\n',
    '<250 ok\r\n354 go\r\n',
    '>one\r\n.\r\nRSET\r\nMAIL FROM:<c@d>\r\nDATA\r\n',
    '<250 first\r\n250 ok\r\n250 ok\r\n354 go\r\n',
    '>two\r\n.\r\n',
    '<250 second\r\n',
  )
  expect(heard(talk).said).toMatchObject([
    { smtp: { id: 0, from: '<a@b>', whole: true, lastReply: '250 first' } },
    { smtp: { id: 1, from: '<c@d>', whole: true, lastReply: '250 second' } },
  ])
})

test('pages that the text names, in lines of any length and in its own encoding', () => {
  const urls = (...body: string[]) =>
    heard(textTalk(25, DATA, '<250 ok\r\n354 go\r\n', ...body, '>\r\n.\r\n')).said.flatMap((tx) =>
      tx.proto === 'smtp' ? tx.smtp.urls : [],
    )
  const quoted =
    '>Content-Transfer-Encoding: quoted-printable\r\n\r\nsee http://x.example/a=\r\n=3Db now'
  expect(urls(quoted)).toEqual(['http://x.example/a=b'])
  const far = `>\r\n${'x '.repeat(5000)}https://far.example/ ${'y '.repeat(5000)}`
  expect(urls(far)).toEqual(['https://far.example/'])
})
