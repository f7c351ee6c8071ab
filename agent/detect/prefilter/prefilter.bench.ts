/** 200 payloads of 1,200 bytes, half text and half noise, against patterns as rules have them: ten are short. */
import { test } from 'vitest'
import { Chance } from '../../../test/traffic/chance.ts'
import { GramPrefilter } from './grams.ts'
import { Candidates, type Prefilter } from './prefilter.ts'
import { ScanRoom } from './scan-room.ts'
import { WasmPrefilter } from './wasm-grams.ts'

const WORDS = 'index.php?id= User-Agent: Mozilla/5.0 Host: www.example.com cmd.exe /admin/login .js'
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789/.-_=?&'
const chance = new Chance(1)
const from = (letters: string, length: number) =>
  Buffer.from(Array.from({ length }, () => chance.pick(letters.split(''))).join(''))
const text = (length: number) => from(WORDS, length)
const noise = (length: number) => Buffer.from(Array.from({ length }, () => chance.int(0, 255)))
const payloads = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? text(1200) : noise(1200)))

for (const count of [100, 1000, 10_000])
  test(`${count} patterns, 240 kB`, async ({ bench }) => {
    const patterns = Array.from({ length: count }, (_, i) => ({
      bytes: from(LETTERS, i < 10 ? chance.int(2, 6) : chance.int(7, 30)),
      nocase: i % 2 === 0,
    }))
    const found = new Candidates(count)
    const over = (prefilter: Prefilter) => {
      for (const [rule, { bytes, nocase }] of patterns.entries()) prefilter.add(bytes, nocase, rule)
      prefilter.build()
      return () => {
        for (const payload of payloads) {
          found.clear()
          prefilter.scan(payload, 0, payload.length, found, 0)
        }
      }
    }
    await bench.compare(
      bench('WebAssembly', over(new WasmPrefilter(new ScanRoom()))),
      bench('JavaScript', over(new GramPrefilter())),
      bench('Buffer.indexOf, a tenth of the payloads, letters as they are', () => {
        for (const payload of payloads.slice(0, 20))
          for (const { bytes } of patterns) payload.indexOf(bytes)
      }),
    )
  })
