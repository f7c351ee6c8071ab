import { expect, test } from 'vitest'
import { linkOf } from './references.ts'

test.each([
  ['url,example.com/a?b=c,d', 'https://example.com/a?b=c,d'],
  ['url,http://example.com', 'http://example.com'],
  ['cve,2014-0160', 'https://cve.mitre.org/cgi-bin/cvename.cgi?name=2014-0160'],
  ['nobody, knows ', 'knows'],
])('%s leads to %s', (reference, link) => {
  expect(linkOf(reference)).toBe(link)
})
