import { expect, test } from 'vitest'
import { httpExchange, SignatureLab } from '../../../test/traffic/signature-lab.ts'
import { Dataset } from './datasets.ts'

const rule = (words: string, sid: number) =>
  `alert http any any -> any any (http.uri; ${words}; sid:${sid};)`
const asked = (lab: SignatureLab, uri: string) =>
  lab.transaction({ proto: 'http', stage: 'done', http: httpExchange({ method: 'GET', uri }) })

test('a set is filled by one rule and asked by others', () => {
  const lab = new SignatureLab(
    [
      rule('dataset:isset,paths,type string', 1),
      rule('dataset:isnotset,paths', 2),
      rule('content:"/keep"; startswith; dataset:set,paths', 3),
      rule('content:"/drop"; pcrexform:"^/drop(.*)$"; dataset:unset,paths', 4),
    ].join('\n'),
  )
  expect(lab.refused).toEqual([])
  expect(asked(lab, '/keep')).toEqual([2, 3])
  expect(asked(lab, '/keep')).toEqual([1])
  expect(asked(lab, '/other')).toEqual([2])
  expect(asked(lab, '/drop/keep')).toEqual([2, 4])
  expect(asked(lab, '/keep')).toEqual([2, 3])
})

test('what a set cannot honour is refused', () => {
  const lab = new SignatureLab(
    [
      rule('dataset:isset,a,load list.txt', 1),
      rule('dataset:set,a,type md5', 2),
      rule('dataset:set,a,type string', 3),
      'alert tcp any any -> any any (content:"x"; dataset:set,a; sid:4;)',
    ].join('\n'),
  )
  expect(lab.refused.map(({ sid, keyword }) => [sid, keyword])).toEqual([
    [1, 'dataset'],
    [3, 'dataset'],
    [4, 'dataset'],
  ])
})

test('values are bounded', () => {
  const set = new Dataset('string')
  const before = Dataset.dropped
  for (let i = 0; i < 65_540; i++) set.add(Buffer.from(String(i)))
  expect(Dataset.dropped - before).toBe(4)
  expect(set.has(Buffer.from('65539'))).toBe(false)
})
