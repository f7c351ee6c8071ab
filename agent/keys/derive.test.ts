import { hkdfSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkValue, LAYERS, layerKey, segmentKey } from './derive.ts'

const DEK = Buffer.from(Array.from({ length: 32 }, (_, i) => i))
const UID = '0123456789abcdef0123456789abcdef'

test('a layer key is HKDF-SHA256 with the tenant as salt and the layer as info: a format that cannot change', () => {
  expect(layerKey(DEK, UID, 'journal').toString('hex')).toBe(
    'f39bf3f6299b1786ab6cdaba2c6fd3362f09754d283ae43e4d7f861408f4e37f',
  )
  const direct = hkdfSync('sha256', DEK, Buffer.from(UID, 'hex'), 'picket/v1/parquet/main', 32)
  expect(layerKey(DEK, UID, 'parquet')).toEqual(Buffer.from(direct))
})

test('no two layers, purposes or tenants share a key', () => {
  const other = 'f'.repeat(32)
  const keys = LAYERS.flatMap((layer) => [
    layerKey(DEK, UID, layer),
    layerKey(DEK, UID, layer, 'other'),
    layerKey(DEK, other, layer),
  ]).map((key) => key.toString('hex'))
  expect(new Set(keys).size).toBe(LAYERS.length * 3)
})

test('a layer that is not in the list has no key', () => {
  expect(() => layerKey(DEK, UID, 'attic' as 'state')).toThrow('no such layer')
  expect(() => layerKey(DEK, UID, 'state', 'a/b')).toThrow('no such layer')
})

test('each salt gives a segment its own key', () => {
  const layer = layerKey(DEK, UID, 'journal')
  const [a, b] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  expect(segmentKey(layer, a)).toEqual(segmentKey(layer, a))
  expect(segmentKey(layer, a)).not.toEqual(segmentKey(layer, b))
  expect(() => segmentKey(layer, Buffer.alloc(31))).toThrow('32 bytes')
})

test('a check value differs by owner, so equal keys do not show', () => {
  expect(checkValue(DEK, 'alfa')).not.toBe(checkValue(DEK, 'zulu'))
})
