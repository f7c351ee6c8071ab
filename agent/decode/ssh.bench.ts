import { test } from 'vitest'
import { decodeSshBanner } from './ssh.ts'

const banner = Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2')

test('ssh', async ({ bench }) => {
  await bench('banner', () => void decodeSshBanner(banner)).run()
})
