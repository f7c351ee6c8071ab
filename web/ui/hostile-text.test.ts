/** Text from the wire is shown, never obeyed (D35): in pages, in attributes, in data blocks, in the API. */
import { describe, expect, test } from 'vitest'
import type { EventRow } from '../../agent/base/event.ts'
import { client } from '../../test/browser/story/client.ts'
import { findings } from '../../test/browser/story/findings.ts'
import { dataBlock, html, lines } from './html.ts'

const MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(1)>\'`'
/** One of each kind that a reader cannot see, and what must stand in its place. */
const HIDDEN: readonly (readonly [string, string])[] = [
  ['control', '\u0007'],
  ['escape', '\u001b'],
  ['newline', '\n'],
  ['C1', '\u009b'],
  ['soft hyphen', '\u00ad'],
  ['zero-width space', '\u200b'],
  ['zero-width joiner', '\u200d'],
  ['right-to-left mark', '\u200f'],
  ['right-to-left override', '\u202e'],
  ['isolate', '\u2066'],
  ['line separator', '\u2028'],
  ['byte-order mark', '\ufeff'],
  ['tag', '\u{e0041}'],
  ['lone surrogate', '\ud800'],
]

test.for(HIDDEN)('%s is shown by its number', ([, c]) => {
  const shown = `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`
  expect(String(html`<p>a${c}b</p>`)).toBe(`<p>a${shown}b</p>`)
  expect(String(html`${[c, html`<b>${c}</b>`]}`)).toBe(`${shown}<b>${shown}</b>`)
})

test('markup is text, in an element and in an attribute', () => {
  const out = String(html`<a title="${MARKUP}">${MARKUP}</a>`)
  expect(out.match(/</g)).toHaveLength(2)
  expect(out).not.toMatch(/"[^=>]*"[^=>]*">/)
})

test('a data block cannot be closed from inside', () => {
  const out = String(dataBlock('x', { a: '</script><script>alert(1)</script>', b: '\u2028' }))
  expect(out.match(/<\/script/g)).toHaveLength(1)
  const json = />(.*)<\/script>$/s.exec(out)?.[1] ?? ''
  expect(JSON.parse(json)).toEqual({ a: '</script><script>alert(1)</script>', b: '\u2028' })
})

test('lines of a block stay lines; nothing else does', () => {
  expect(String(lines('a\r\n<b>'))).toBe('a\\u{d}\n&lt;b&gt;')
})

describe('a finding whose every text is hostile', () => {
  const nasty = `x\u202e\u200b${MARKUP}`
  const row: EventRow = {
    ...(findings[0] as EventRow),
    message: nasty,
    host: nasty,
    rule_id: nasty,
    src_ip: nasty,
    dest_ip: nasty,
    proto: nasty,
    app_proto: nasty,
    community_id: nasty,
    attack_ids: [nasty],
    record: { [nasty]: nasty, payload: nasty, baseline: { first: nasty, last: nasty, count: 1 } },
  }
  const { get, story } = client('admin')
  story.ports.findings.list = async () => ({ rows: [row], gaps: [nasty] })
  story.ports.findings.get = async () => row
  story.ports.findings.around = async () => [
    { ...row, kind: 'dns', record: { dns: { rrname: nasty, rcode: nasty } } },
    { ...row, kind: 'http', record: { http: { url: nasty, hostname: nasty } } },
    { ...row, kind: 'tls', record: { tls: { sni: nasty } } },
    { ...row, kind: 'ssh', record: { ssh: { client: { software_version: nasty } } } },
    row,
  ]
  story.ports.flows.list = async () => ({ rows: [{ ...row, kind: 'flow' }] })
  const at = encodeURIComponent(row.event_id)

  test.for([
    '/now',
    '/findings',
    `/findings/${at}`,
    '/flows',
    `/findings?q=${encodeURIComponent(nasty)}`,
  ])('%s', async (path) => {
    const page = await (await get(path)).text()
    expect(page).not.toMatch(/<script>alert|<img|[\u202e\u200b]/)
    expect(page).toContain('\\u{202e}\\u{200b}')
    for (const [, href = ''] of page.matchAll(/href="([^"]*)"/g)) expect(href).toMatch(/^[/#]/)
  })

  test('the API gives the text as it was, as JSON that is JSON', async () => {
    const reply = await get('/api/findings')
    expect(reply.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await reply.json()).toMatchObject({ rows: [{ message: nasty }] })
  })

  test('a search that is hostile comes back in its box only', async () => {
    for (const path of [
      '/findings',
      '/flows',
      '/assets',
      '/actions',
      '/rules',
      '/users',
      '/audit',
    ]) {
      const page = await (await get(`${path}?q=${encodeURIComponent(MARKUP)}`)).text()
      expect(page).not.toMatch(/<script>alert|<img/)
    }
  })
})
