import { expect, test } from 'vitest'
import { decodeSshBanner, sshChoice } from './ssh.ts'

test.each([
  [
    'SSH-2.0-OpenSSH_9.2p1 Debian-2',
    { protocol: '2.0', software: 'OpenSSH_9.2p1', comment: 'Debian-2' },
  ],
  ['SSH-1.99-Cisco-1.25', { protocol: '1.99', software: 'Cisco-1.25', comment: '' }],
  ['SSH-2.0-', { protocol: '2.0', software: '', comment: '' }],
  ['SSH-2.0', 'bad-banner'],
  ['SSH--x', 'bad-banner'],
  ['Welcome', undefined],
  ['SSH', undefined],
  ['', undefined],
  [`SSH-2.0-${'x'.repeat(300)}`, 'line-too-long'],
])('reads %s', (line, banner) => {
  expect(decodeSshBanner(Buffer.from(line, 'latin1'))).toEqual(banner)
})

test('the choice is the first of the client that the server has too', () => {
  const client = ['a,b', 'k1,k2', 'c1', 'c2,c1', 'm', '', 'none', 'zlib']
  const server = ['b,a', 'k2', 'c9,c1', 'c1', 'x', 'm', 'none', 'zlib,none']
  expect(sshChoice(client, server)).toEqual(['a', 'k2', 'c1', 'c1', '', '', 'none', 'zlib'])
})
