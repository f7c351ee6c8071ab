/** Talks in which a rule's literals occur where it looks for them: most are hits, the rest comes close. */
import { dns } from './branch-talks.ts'
import type { RuleContents } from './rule-contents.ts'
import { fromClient, fromServer, type Said, type Talk } from './talk.ts'
import { request, response, type Scene, size, tls } from './web-talks.ts'

export function ruleTalk(scene: Scene, rule: RuleContents): Talk {
  const { chance, places, bodies } = scene
  const text = (buffer: string) => bytesOf(rule, buffer).toString('latin1')
  if (rule.contents.has('dns.query')) return dns(scene, hostName(text('dns.query'), bodies.word()))
  if (rule.contents.has('tls.sni')) return tls(scene, hostName(text('tls.sni'), bodies.word()))
  const ends = rule.outward ? places.outward() : { ...places.inward(), name: 'www.branch.example' }
  const { client, server, name } = ends
  if (rule.proto.startsWith('http'))
    return { client, server, port: 80, said: web(scene, rule, name) }
  const raw = bytesOf(rule, '')
  const said = rule.answered
    ? [fromClient('HELO\r\n'), fromServer(raw)]
    : [fromClient(raw), fromServer('OK\r\n')]
  const port = rule.port ?? chance.int(1024, 9999)
  return { ...(rule.proto === 'udp' && { udp: true }), client, server, port, said }
}

function web(scene: Scene, rule: RuleContents, name: string): Said[] {
  const { bodies, chance } = scene
  const text = (buffer: string) => bytesOf(rule, buffer).toString('latin1')
  const uri = text('http.uri').replaceAll(/[\s\0]/g, '%20')
  const headers = text('http.header')
    .replace(/^\r\n/, '')
    .replace(/(\r\n)*$/, '')
  const cookie = text('http.cookie').replaceAll(/[\r\n]/g, '')
  const type = text('http.content_type').replaceAll(/[\r\n]/g, '')
  const posted = bytesOf(rule, 'http.request_body')
  const method = text('http.method').trim() || (posted.length > 0 ? 'POST' : 'GET')
  const asked = request(hostName(text('http.host'), '') || name, {
    method: /^[A-Z]{2,12}$/.test(method) ? method : 'GET',
    uri: uri.startsWith('/') ? uri : `/${uri}`,
    agent: text('http.user_agent').replaceAll(/[\r\n]/g, '') || undefined,
    headers: `${!rule.answered && headers.includes(':') ? `${headers}\r\n` : ''}${cookie && `Cookie: ${cookie}\r\n`}${type && `Content-Type: ${type}\r\n`}`,
    body: posted.length > 0 ? posted : undefined,
  })
  const found = Buffer.concat([
    bytesOf(rule, 'file.data'),
    rule.answered ? bytesOf(rule, '') : Buffer.alloc(0),
  ])
  return [asked, response('text/html', Buffer.concat([found, bodies.page(size(chance, 3000))]))]
}

function bytesOf({ contents }: RuleContents, buffer: string): Buffer {
  return Buffer.concat(contents.get(buffer) ?? [])
}

/** A name that can stand in a message: labels of at most 63 letters. */
function hostName(text: string, before: string): string {
  const name = text.replaceAll(/[^\w.-]/g, '')
  const whole = name.startsWith('.') ? `${before}${name}` : name
  return whole
    .split('.')
    .filter((label) => label !== '')
    .map((label) => label.slice(0, 63))
    .join('.')
    .slice(0, 250)
}
