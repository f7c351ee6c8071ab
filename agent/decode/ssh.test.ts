import { expect, test } from 'vitest'
import { decodeSshBanner } from './ssh.ts'

test.each([
  ['SSH-2.0-OpenSSH_9.2p1 Debian-2', { protocol: '2.0', software: 'OpenSSH_9.2p1' }],
  ['SSH-1.99-Cisco-1.25', { protocol: '1.99', software: 'Cisco-1.25' }],
  ['SSH-2.0-', { protocol: '2.0', software: '' }],
  ['SSH-2.0', 'bad-banner'],
  ['SSH--x', 'bad-banner'],
  ['Welcome', undefined],
  ['SSH', undefined],
  ['', undefined],
  [`SSH-2.0-${'x'.repeat(300)}`, 'line-too-long'],
])('reads %s', (line, banner) => {
  expect(decodeSshBanner(Buffer.from(line, 'latin1'))).toEqual(banner)
})
