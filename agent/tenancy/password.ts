/** Passwords: argon2id (RFC 9106), stored with their parameters as a PHC string. */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { Failure } from '../base/failure.ts'

// 64 MiB and two passes: 130 ms on a desktop core, under half a second on the smallest box.
const MEMORY_KIB = 65_536
const PASSES = 2
const LANES = 1
const TAG_BYTES = 32
const SALT_BYTES = 16
const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([\w+/]{22})\$([\w+/]{43})$/

export const PASSWORD_CHARS_MIN = 12
export const PASSWORD_BYTES_MAX = 1024
/** Hashes under way at once, and waiting: each holds 64 MiB, so a flood of logins must not pile up. */
const HASHES_MAX = 2
const WAITING_MAX = 32

const derive = promisify(argon2)

let running = 0
const waiting: (() => void)[] = []

/** Length is what counts; no rules of composition. The name and one repeated character are refused. */
export function checkPassword(password: string, name: string): void {
  const text = password.normalize('NFC')
  if ([...text].length < PASSWORD_CHARS_MIN)
    throw new Failure('invalid', `A password needs at least ${PASSWORD_CHARS_MIN} characters.`)
  if (Buffer.byteLength(text) > PASSWORD_BYTES_MAX)
    throw new Failure('invalid', `A password may have at most ${PASSWORD_BYTES_MAX} bytes.`)
  if (new Set(text).size < 4 || text.toLowerCase().includes(name.toLowerCase()))
    throw new Failure(
      'invalid',
      'This password is too easy: it holds the account name or repeats a few characters.',
    )
}

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const tag = await compute(password, salt, { memory: MEMORY_KIB, passes: PASSES, lanes: LANES })
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${unpadded(salt)}$${unpadded(tag)}`
}

/** Takes as long without a stored hash as with one, so that nobody learns which names exist. */
export async function verifyPassword(
  password: string,
  stored: string | null | undefined,
): Promise<boolean> {
  const [, memory = MEMORY_KIB, passes = PASSES, lanes = LANES, salt = '', tag = ''] =
    PHC.exec(stored ?? '') ?? []
  const nonce = salt ? Buffer.from(salt, 'base64') : Buffer.alloc(SALT_BYTES)
  const cost = { memory: Number(memory), passes: Number(passes), lanes: Number(lanes) }
  const computed = await compute(password, nonce, cost)
  const expected = tag ? Buffer.from(tag, 'base64') : Buffer.alloc(TAG_BYTES)
  return timingSafeEqual(computed, expected) && tag !== ''
}

async function compute(
  password: string,
  nonce: Buffer,
  { memory, passes, lanes }: { memory: number; passes: number; lanes: number },
): Promise<Buffer> {
  const message = Buffer.from(password.normalize('NFC').slice(0, PASSWORD_BYTES_MAX))
  await place()
  try {
    const settings = { message, nonce, parallelism: lanes, tagLength: TAG_BYTES, memory, passes }
    return await derive('argon2id', settings)
  } finally {
    message.fill(0)
    running--
    waiting.shift()?.()
  }
}

async function place(): Promise<void> {
  if (running >= HASHES_MAX) {
    if (waiting.length >= WAITING_MAX)
      throw new Failure('too-many', 'Too many people sign in at this moment. Try again.')
    await new Promise<void>((go) => waiting.push(go))
  }
  running++
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
