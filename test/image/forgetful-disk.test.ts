/** The tests' own disk: what was flushed stays, what was not is lost or kept sector by sector. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Chance } from '../traffic/chance.ts'
import { ForgetfulDisk } from './forgetful-disk.ts'

const SECTOR = 512
const BYTES = 64 * SECTOR
const [READ, WRITE, FLUSH, ZEROES] = [0, 1, 3, 6]

let folder: string
let disk: ForgetfulDisk
let client: Client

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'picket-disk-'))
  writeFileSync(join(folder, 'disk'), Buffer.alloc(BYTES, 'a'))
  disk = new ForgetfulDisk(join(folder, 'disk'), join(folder, 'sock'), BYTES)
  client = await Client.at(join(folder, 'sock'))
})
afterEach(() => {
  client.end()
  disk.close()
  rmSync(folder, { recursive: true })
})

function onDisk(): string {
  const bytes = readFileSync(join(folder, 'disk'), 'latin1')
  return Array.from({ length: BYTES / SECTOR }, (_, i) => bytes[i * SECTOR]).join('')
}

test('what was flushed stays', async () => {
  await client.ask(WRITE, 0, BYTES, Buffer.alloc(BYTES, 'b'))
  await client.ask(FLUSH, 0, 0)
  expect(disk.lose(new Chance(1))).toEqual({ lost: 0, of: 0 })
  expect(onDisk()).toBe('b'.repeat(64))
  expect(disk.flushes).toBe(1)
})

test('what was not flushed is lost in part, and any of its versions may be what is left', async () => {
  for (const letter of 'bc') await client.ask(WRITE, 0, BYTES, Buffer.alloc(BYTES, letter))
  await client.ask(ZEROES, 0, SECTOR)
  expect((await client.ask(READ, SECTOR, 1))?.toString()).toBe('c')
  const { lost, of } = disk.lose(new Chance(7))
  expect(of).toBe(64)
  expect(lost).toBeGreaterThan(20)
  expect(lost).toBeLessThan(64)
  expect(new Set(onDisk().slice(1))).toEqual(new Set('abc'))
})

test('a stalled disk answers when it is let go', async () => {
  disk.stall(true)
  let answered = false
  const asked = client.ask(READ, 0, 1).then((bytes) => {
    answered = true
    return bytes
  })
  await new Promise((done) => setImmediate(done))
  expect(answered).toBe(false)
  disk.stall(false)
  expect((await asked)?.toString()).toBe('a')
})

/** As much of an NBD client as a test needs: one request after the other. */
class Client {
  readonly #socket: Socket
  #got = Buffer.alloc(0)
  #wake = () => {}

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#got = Buffer.concat([this.#got, chunk])
      this.#wake()
    })
  }

  static async at(path: string): Promise<Client> {
    const socket = connect(path)
    await new Promise<void>((done) => socket.once('connect', () => done()))
    const client = new Client(socket)
    await client.#take(18)
    const go = Buffer.alloc(4 + 16)
    go.writeUInt32BE(3, 0)
    go.write('IHAVEOPT', 4, 'latin1')
    go.writeUInt32BE(7, 12)
    socket.write(go)
    const head = await client.#take(20 + 12 + 20)
    expect(Number(head.readBigUInt64BE(22))).toBe(BYTES)
    return client
  }

  async ask(command = READ, at = 0, length = 0, data?: Buffer): Promise<Buffer | undefined> {
    const head = Buffer.alloc(28)
    head.writeUInt32BE(0x25609513, 0)
    head.writeUInt16BE(command, 6)
    head.writeBigUInt64BE(BigInt(at), 16)
    head.writeUInt32BE(length, 24)
    this.#socket.write(data ? Buffer.concat([head, data]) : head)
    expect((await this.#take(16)).readUInt32BE(4)).toBe(0)
    return command === READ ? this.#take(length) : undefined
  }

  end(): void {
    this.#socket.destroy()
  }

  async #take(bytes: number): Promise<Buffer> {
    while (this.#got.length < bytes)
      await new Promise<void>((done) => {
        this.#wake = done
      })
    const taken = this.#got.subarray(0, bytes)
    this.#got = this.#got.subarray(bytes)
    return taken
  }
}
