/** Codes as people type them, and what both ends make of one. */
import { expect, test } from 'vitest'
import { claimDigits, claimFits, claimKey, newCode, proveClaim, readCode } from './claim.ts'

test('a code has 60 bits, and is read as people write it', () => {
  const codes = Array.from({ length: 200 }, newCode)
  for (const code of codes) expect(readCode(code)).toMatch(/^[0-9A-HJKMNP-TV-Z]{12}$/)
  expect(new Set(codes).size).toBe(200)
  expect(readCode(' 7qk2 moxv-9rtd')).toBe('7QK2M0XV9RTD')
  expect(readCode('iLoO-0000-0000')).toBe('110000000000')
  for (const wrong of ['', '7QK2-M0XV-9RT', '7QK2-M0XV-9RTU', '7QK2-M0XV-9RTDX', 'é'.repeat(12)])
    expect(() => readCode(wrong)).toThrow('12 letters and digits')
})

test('a proof is of one side, one code, one list of words', async () => {
  const key = await claimKey('7QK2-M0XV-9RTD')
  expect(key).toEqual(await claimKey('7qk2m0xv9rtd'))
  const words = ['exporter', 'request']
  const mac = proveClaim(key, 'branch', words)
  expect(claimFits(mac, key, 'branch', words)).toBe(true)
  expect(claimFits(mac, key, 'primary', words)).toBe(false)
  expect(claimFits(mac, key, 'branch', ['exporterrequest'])).toBe(false)
  expect(claimFits(mac, await claimKey('7QK2-M0XV-9RTE'), 'branch', words)).toBe(false)
  expect(claimFits('', key, 'branch', words)).toBe(false)
  expect(claimDigits(key, words)).toMatch(/^\d{6}$/)
  expect(claimDigits(key, words)).not.toBe(claimDigits(key, ['exporter', 'another']))
})
