/** Length-prefixed JSON between a process and its child. Text inside a message can never end it (u32 length, then bytes). */
import type { Readable, Writable } from 'node:stream'

export const MESSAGE_BYTES_MAX = 64 << 20

export function sendMessage(to: Writable, message: unknown): boolean {
  const body = Buffer.from(JSON.stringify(message))
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length)
  to.write(head)
  return to.write(body)
}

/** `wrong` is called once when the other side breaks the framing; nothing is taken after it. */
export function readMessages(
  from: Readable,
  take: (message: unknown, bytes: number) => void,
  wrong: (what: string) => void,
): void {
  let chunks: Buffer[] = []
  let size = 0
  let need = 4
  let over = false
  from.on('data', (chunk: Buffer) => {
    if (over) return
    chunks.push(chunk)
    size += chunk.length
    while (size >= need) {
      const all = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
      const length = all.readUInt32BE(0)
      if (length > MESSAGE_BYTES_MAX) {
        over = true
        return wrong('a message is too long')
      }
      chunks = [all]
      need = 4 + length
      if (size < need) return
      const rest = all.subarray(need)
      let message: unknown
      try {
        message = JSON.parse(all.toString('utf8', 4, need))
      } catch {
        over = true
        return wrong('a message is not JSON')
      }
      chunks = [rest]
      size = rest.length
      need = 4
      take(message, 4 + length)
    }
  })
}
