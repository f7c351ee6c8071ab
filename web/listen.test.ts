import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { inheritedFd, isLoopback, listen } from './listen.ts'

test.for([
  [{}, undefined],
  [{ PICKET_LISTEN_FD: '7' }, 7],
  [{ LISTEN_FDS: '1', LISTEN_PID: '42' }, 3],
  [{ LISTEN_FDS: '1' }, 3],
  [{ LISTEN_FDS: '1', LISTEN_PID: '43' }, undefined], // meant for another process
  [{ LISTEN_FDS: '0', LISTEN_PID: '42' }, undefined],
] as const)('%j inherits %s', ([env, fd]) => {
  expect(inheritedFd(env, 42)).toBe(fd)
})

test('a descriptor that is no number is refused', () => {
  for (const text of ['', 'stdin', '-1', '3;', '99999'])
    expect(() => inheritedFd({ PICKET_LISTEN_FD: text }, 42)).toThrow('PICKET_LISTEN_FD')
})

test('what is on loopback', () => {
  for (const own of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
    expect(isLoopback(own)).toBe(true)
  for (const other of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '::ffff:10.0.0.1'])
    expect(isLoopback(other)).toBe(false)
})

test('a port that is taken is a sentence', async () => {
  const first = createServer()
  const { port, onLoopback } = await listen(first, { host: '127.0.0.1', port: 0 }, undefined)
  expect(onLoopback).toBe(true)
  const second = createServer()
  await expect(listen(second, { host: '127.0.0.1', port }, undefined)).rejects.toThrow(
    `Somebody else listens on 127.0.0.1:${port}`,
  )
  await new Promise((done) => first.close(done))
})
