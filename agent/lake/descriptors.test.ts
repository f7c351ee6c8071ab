import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { sendDescriptors, socketPair } from './descriptors.ts'

const PROGRAM = `
  const { takeDescriptors } = await import('${import.meta.dirname}/descriptors.ts')
  const { readlinkSync } = await import('node:fs')
  const to = (count) => takeDescriptors(count).map((fd) => readlinkSync('/proc/self/fd/' + fd))
  try { console.log(to(Number(process.argv[1])).join()) } catch (error) { console.log(error.message) }`

/** What a child finds that is told of `count` when it is handed these. */
async function handed(files: readonly string[], count: number): Promise<string> {
  const [ours, theirs] = socketPair()
  const open = files.map((path) => openSync(path, 'r'))
  try {
    sendDescriptors(ours, open)
    const args = ['--input-type=module', '-e', PROGRAM, String(count)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', theirs] })
    return (await text(child.stdout as Readable)).trim()
  } finally {
    for (const fd of [...open, ours, theirs]) closeSync(fd)
  }
}

test('descriptors come in their order, more of them than one message takes', async () => {
  const files = Array.from({ length: 450 }, (_, i) => ['/etc/passwd', '/etc/group', '/etc/hosts'][i % 3] as string) // biome-ignore format: one line
  expect(await handed(files, 450)).toBe(files.join())
})

test('who has ended is told of, and is no failure', () => {
  const [ours, theirs] = socketPair()
  closeSync(theirs)
  const open = openSync('/etc/group', 'r')
  try {
    expect(sendDescriptors(ours, [open])).toBe(false)
  } finally {
    for (const fd of [open, ours]) closeSync(fd)
  }
})

test('who waits for more than came is not kept waiting', async () => {
  expect(await handed(['/etc/group'], 2)).toMatch(/^recvmsg failed/)
})
