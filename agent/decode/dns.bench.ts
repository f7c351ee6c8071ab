import { test } from 'vitest'
import { decodeDns, looksLikeDns } from './dns.ts'

const answer = Buffer.from(
  '5e038180000100020000000003777777076578616d706c6503636f6d0000010001' +
    'c00c000500010000003c000603617069c010c02d000100010000003c0004c0000201',
  'hex',
)
const cut = answer.subarray(0, 40)
const noise = Buffer.alloc(64, 0x5a)

test('dns', async ({ bench }) => {
  await bench.compare(
    bench('answer of two records', () => void decodeDns(answer)),
    bench('truncated', () => void decodeDns(cut)),
    bench('probe of a datagram that is not DNS', () => void looksLikeDns(noise, 0, 64)),
  )
})
