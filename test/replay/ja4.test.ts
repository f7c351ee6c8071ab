/** JA4 of real client hellos, as its authors' own tool gives them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { AppPath } from '../traffic/app-path.ts'
import { corpus } from '../traffic/corpus.ts'

interface Case {
  pcap: string
  expected: { src: string; srcport: string; domain?: string; 'JA4.1': string }[]
}

const folder = corpus('ja4')
const cases: Case[] = folder ? JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) : []

describe.skipIf(!folder)('the corpus of JA4', () => {
  test.each(cases)('$pcap', async ({ pcap, expected }) => {
    const { spoken } = await AppPath.run(join(folder as string, pcap))
    const found = new Map<string, { ja4: string; sni: string }>()
    for (const { client, clientPort, tx } of spoken)
      if (tx.proto === 'tls' && tx.stage === 'request')
        found.set(`${client} ${clientPort}`, { ja4: tx.tls.ja4, sni: tx.tls.sni })
    for (const { src, srcport, domain, 'JA4.1': ja4 } of expected) {
      expect(found.get(`${src} ${srcport}`)).toEqual({ ja4, sni: domain ?? '' })
    }
  })
})
