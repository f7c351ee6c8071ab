import { expect, test } from 'vitest'
import { addressList, decodeMailHeader, mailParameter, mailPath, plainUser } from './mail.ts'

const latin1 = (hex: string) => Buffer.from(hex, 'hex').toString('latin1')

test.each([
  ['Subject: plain', 'plain'],
  ['Subject: =?utf-8?B?R3LDvMOfZQ==?= =?iso-8859-1?q?_=E4?=', 'Grüße ä'],
  ['Subject: =?no-such?q?a?=', '=?no-such?q?a?='],
  [`Subject: ${latin1('c3a4')}`, 'ä'],
  [`Subject: What${latin1('92')}s`, 'What’s'],
])('%s', (line, value) => {
  expect(decodeMailHeader(line)).toEqual({ name: 'subject', value })
})

test.each(['', ':', ' : x', 'no header', 'two words: x'])('"%s" is no header', (line) => {
  expect(decodeMailHeader(line)).toBeUndefined()
})

test('addresses, parameters, paths and a user', () => {
  const list = ['"a, b" <a@b>', 'c@d', '<e,f@g>']
  expect(addressList('"a, b" <a@b>, c@d,, <e,f@g>')).toEqual(list)
  expect(mailParameter('multipart/mixed; boundary="b 1"; name=x', 'boundary')).toBe('b 1')
  expect(mailParameter('multipart/mixed; boundary="b 1"; name=x', 'name')).toBe('x')
  expect(mailPath('FROM: <a@b> SIZE=1', 'FROM')).toBe('<a@b>')
  expect(mailPath('TO:<a@b>', 'FROM')).toBeUndefined()
  expect(plainUser(Buffer.from('\0anna\0secret').toString('base64'))).toBe('anna')
  expect(plainUser('*')).toBe('')
})
