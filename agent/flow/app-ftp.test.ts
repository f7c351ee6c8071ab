import { expect, test } from 'vitest'
import { clientHello } from '../../test/golden/messages.ts'
import { FTP_TALK, FTP_TLS_TALK } from '../../test/golden/talks-it.ts'
import { heard, textTalk } from '../../test/traffic/app-talk.ts'

test.each([1e6, 5, 1])('commands with their replies, in segments of %d bytes', (size) => {
  const { proto, said, faults } = heard(FTP_TALK, size)
  expect([proto, faults]).toEqual(['ftp', []])
  const exchange = (command: string, more: object) => ({ proto: 'ftp', ftp: { command, ...more } })
  expect(said).toMatchObject([
    exchange('', { id: expect.any(Number), replies: [{ code: 220 }, { code: 0 }, { code: 220 }] }),
    exchange('USER', { argument: 'anna', user: 'anna', replies: [{ code: 331 }] }),
    exchange('PASS', { user: 'anna', replies: [{ code: 230, text: 'Welcome' }] }),
    exchange('PASV', { mode: 'passive', dataAddress: '10.0.1.21', dataPort: 51_210 }),
    exchange('RETR', { argument: 'plan.pdf', replies: [{ code: 150 }, { code: 226 }] }),
    exchange('EPRT', { mode: 'active', dataAddress: 'fd00::5', dataPort: 5282, replies: [] }),
  ])
})

test('TLS is looked for once the server agreed to it', () => {
  const hello = { toServer: true, bytes: clientHello('ftp.example') }
  const { proto, said } = heard({ ...FTP_TLS_TALK, turns: [...FTP_TLS_TALK.turns, hello] })
  expect(proto).toBe('tls')
  expect(said.map((tx) => tx.proto)).toEqual(['ftp', 'ftp', 'tls', 'tls'])
})

test('a line too long is cut and said, and what follows is read', () => {
  const long = `>USER ${'a'.repeat(10_000)}\r\n`
  const { said, faults } = heard(textTalk(21, '<220 x\r\n', long, '<331 y\r\n', '>QUIT\r\n'), 999)
  expect(faults).toEqual(['line-too-long'])
  expect(said).toMatchObject([
    { ftp: { command: '' } },
    { ftp: { command: 'USER', commandCut: true } },
    { ftp: { command: 'QUIT', commandCut: false, replies: [] } },
  ])
})

test('many commands without a reply are bounded', () => {
  const { said, faults } = heard(textTalk(21, '<220 x\r\n', `>${'NOOP\r\n'.repeat(500)}`))
  expect(faults).toEqual([])
  expect(said).toEqual([])
  const flood = heard(textTalk(21, '<220 x\r\n', '>FEAT\r\n', `>${'NOOP\r\n'.repeat(500)}`))
  expect(flood.faults).toEqual(['transactions-full'])
  expect(flood.said).toHaveLength(502)
})

test.each([
  ['a verb of neither', '<220 x\r\n', '>HACK\r\n'],
  ['a verb that goes on', '<220 x\r\n', '>USERS a\r\n'],
])('%s is not FTP', (_, ...lines) => {
  expect(heard(textTalk(4000, ...lines)).proto).toBe('failed')
})
