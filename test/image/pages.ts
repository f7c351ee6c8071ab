/** Somebody with a browser at the box's address, who compares the certificate with what the console shows. */
import { request } from 'node:https'
import type { TLSSocket } from 'node:tls'

const REPLY_MS_MAX = 60_000
const BODY_BYTES_MAX = 4 << 20

export interface Answer {
  status: number
  text: string
  location: string | undefined
}

export class Pages {
  /** SHA-256 of the certificate that the box showed at the last request. */
  fingerprint = ''
  readonly #port: number
  #cookie = ''

  constructor(port: number) {
    this.#port = port
  }

  get(path: string): Promise<Answer> {
    return this.#ask('GET', path)
  }

  /** A form, with the token of the page it stands on. */
  async post(path: string, fields: Record<string, string>, on?: string): Promise<Answer> {
    const form = new URLSearchParams(fields)
    if (on !== undefined) {
      const { text } = await this.get(on)
      const token = /name="csrf" value="([^"]+)"/.exec(text)?.[1]
      if (!token) throw new Error(`${on} has no form: ${text.slice(0, 500)}`)
      form.set('csrf', token)
    }
    return this.#ask('POST', path, form.toString())
  }

  async json<T>(path: string): Promise<T> {
    const { status, text } = await this.get(path)
    if (status !== 200)
      throw new Error(`${path} was answered with ${status}: ${text.slice(0, 500)}`)
    return JSON.parse(text) as T
  }

  /** The code of the console, then a password of one's own. */
  async claim(code: string, password: string): Promise<void> {
    const redeemed = await this.post('/first', { code })
    if (redeemed.location !== '/password')
      throw new Error(`the code was answered with ${redeemed.status} ${words(redeemed.text)}`)
    const chosen = await this.post('/password', { next: password, again: password }, '/password')
    if (chosen.status !== 303)
      throw new Error(`the password was answered with ${chosen.status} ${words(chosen.text)}`)
  }

  async login(name: string, password: string): Promise<Answer> {
    return this.post('/login', { name, password, next: '/now' })
  }

  /** The sentence of the site, as the page has it. */
  async sentence(): Promise<string> {
    const { text } = await this.get('/now')
    return words(/id="sentence"[^>]*>(.*?)<\/h1>/s.exec(text)?.[1] ?? '')
  }

  #ask(method: string, path: string, body?: string): Promise<Answer> {
    const host = `127.0.0.1:${this.#port}`
    const headers: Record<string, string> = { host, cookie: this.#cookie }
    if (body !== undefined) {
      headers['content-type'] = 'application/x-www-form-urlencoded'
      headers['origin'] = `https://${host}`
    }
    return new Promise((resolve, reject) => {
      const asked = request(
        { host: '127.0.0.1', port: this.#port, path, method, headers, agent: false, rejectUnauthorized: false }, // biome-ignore format: one line
        (reply) => {
          const { fingerprint256 } = (reply.socket as TLSSocket).getPeerCertificate()
          this.fingerprint = fingerprint256
          for (const cookie of reply.headers['set-cookie'] ?? [])
            if (cookie.startsWith('__Host-picket=')) this.#cookie = cookie.split(';')[0] ?? ''
          const chunks: Buffer[] = []
          let size = 0
          reply.on('data', (chunk: Buffer) => {
            size += chunk.length
            if (size > BODY_BYTES_MAX) asked.destroy(new Error(`${path} is too long`))
            else chunks.push(chunk)
          })
          reply.on('error', reject)
          reply.on('end', () =>
            resolve({
              status: reply.statusCode ?? 0,
              text: Buffer.concat(chunks).toString(),
              location: reply.headers.location,
            }),
          )
        },
      )
      asked.setTimeout(REPLY_MS_MAX, () => asked.destroy(new Error(`${path}: no answer`)))
      asked.on('error', reject)
      asked.end(body)
    })
  }
}

/** What a reader reads of a piece of a page. */
export function words(page: string): string {
  return page
    .replace(/<style.*?<\/style>|<script.*?<\/script>/gs, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 400)
}
