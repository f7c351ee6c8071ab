import { expect, test } from 'vitest'
import { clientHello } from '../../test/golden/messages.ts'
import { SMTP_TALK, SMTP_TLS_TALK } from '../../test/golden/talks-it.ts'
import { heard, textTalk } from '../../test/traffic/app-talk.ts'

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
