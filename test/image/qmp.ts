/** QEMU's own protocol: one JSON object a line, replies by id, events in between. */
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'

const REPLY_MS_MAX = 30_000
const EVENTS_MAX = 10_000

export interface MachineEvent {
  event: string
  data?: Record<string, unknown>
}

interface Waiter {
  is: (event: MachineEvent) => boolean
  done: (event: MachineEvent) => void
}

export class Qmp {
  readonly events: MachineEvent[] = []
  readonly #socket: Socket
  readonly #replies = new Map<
    number,
    { done: (value: unknown) => void; fail: (e: Error) => void }
  >()
  readonly #waiters = new Set<Waiter>()
  #ids = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    const lines = createInterface({ input: socket })
    lines.on('line', (line) => this.#take(JSON.parse(line)))
    for (const end of [lines, socket]) end.on('error', () => undefined) // as a machine that loses its power closes
    socket.on('close', () => {
      for (const { fail } of this.#replies.values()) fail(new Error('the machine is gone'))
      this.#replies.clear()
    })
  }

  static async over(socket: Socket): Promise<Qmp> {
    const qmp = new Qmp(socket)
    await qmp.ask('qmp_capabilities')
    return qmp
  }

  ask<T = unknown>(execute: string, args?: object): Promise<T> {
    const id = ++this.#ids
    return new Promise<T>((resolve, reject) => {
      const late = setTimeout(() => {
        this.#replies.delete(id)
        reject(new Error(`QEMU did not answer ${execute} within ${REPLY_MS_MAX} ms`))
      }, REPLY_MS_MAX)
      this.#replies.set(id, {
        done: (value) => {
          clearTimeout(late)
          resolve(value as T)
        },
        fail: (error) => {
          clearTimeout(late)
          reject(error)
        },
      })
      this.#socket.write(`${JSON.stringify({ execute, arguments: args, id })}\n`)
    })
  }

  /** An event that comes, or has come already. */
  event(name: string, waitMs: number): Promise<MachineEvent> {
    const is = ({ event }: MachineEvent) => event === name
    const past = this.events.find(is)
    if (past) return Promise.resolve(past)
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { is, done: resolve }
      const late = setTimeout(() => {
        this.#waiters.delete(waiter)
        reject(new Error(`the machine had no ${name} within ${waitMs} ms`))
      }, waitMs)
      waiter.done = (event) => {
        clearTimeout(late)
        resolve(event)
      }
      this.#waiters.add(waiter)
    })
  }

  #take(message: MachineEvent & { id?: number; return?: unknown; error?: { desc: string } }): void {
    if (message.id !== undefined) {
      const reply = this.#replies.get(message.id)
      this.#replies.delete(message.id)
      if (message.error) reply?.fail(new Error(`QEMU: ${message.error.desc}`))
      else reply?.done(message.return)
      return
    }
    if (!message.event) return // the greeting
    if (this.events.length < EVENTS_MAX) this.events.push(message)
    for (const waiter of this.#waiters) {
      if (!waiter.is(message)) continue
      this.#waiters.delete(waiter)
      waiter.done(message)
    }
  }
}
