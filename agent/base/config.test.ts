import { expect, test } from 'vitest'
import { loadConfig, parseConfig } from './config.ts'

test('no file means all defaults: passive, proposing, on loopback', () => {
  const config = loadConfig('/nonexistent')
  expect(config.contain.policy).toBe('propose')
  expect(config.network.placement).toBe('tap')
  expect(config.web).toEqual({ host: '127.0.0.1', port: 8443, https: false })
})

test('a file that was named and is absent is a failure', () => {
  expect(() => loadConfig('/nonexistent', '/nonexistent/c.json')).toThrow('cannot be read')
})

test.each([
  ['{"captur": {}}', 'there is no setting captur'],
  ['{"web": {"prot": 1}}', 'there is no setting web.prot'],
  ['{"\\u001b[2J": 1}', 'there is no setting \\u{1b}[2J'],
  ['[]', 'a list where settings are due'],
  ['null', 'the file'],
  ['{"contain": {"policy": "block"}}', 'contain.policy'],
  ['{"capture": {"interfaces": ["a;b"]}}', 'capture.interfaces.0'],
  ['{"network": {"line": ["a0"]}}', 'network.line'],
  ['{"network": {"line": ["a0", "a0"]}}', 'network.line'],
  ['{"network": {"line": ["a0", "b0", "c0"]}}', 'network.line'],
  ['{', 'not JSON'],
  ['{\n  "a": b\n}', 'not JSON'],
])('%s is refused by naming %s', (text, named) => {
  const read = () => parseConfig(text, 'config.json')
  expect(read).toThrow(named)
  expect(read).toThrow(/^\P{Cc}+$/u)
})
