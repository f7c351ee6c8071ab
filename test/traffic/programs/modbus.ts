/** A controller (Modbus TCP server), a poller that reads it, and an operator's station that sets it. */
import { createServer, Socket } from 'node:net'
import * as Modbus from 'jsmodbus'
import type { Chance } from '../chance.ts'
import { type Activity, Heard, listenAt, type Place, repeat, type Service } from './service.ts'

const REGISTERS = 256
const UNIT = 1
const TIMEOUT_MS = 2_000

/** Counts each request as heard, with the registers it holds: a write that arrives changes them. */
export async function modbusController(place: Place): Promise<Service & { registers: Buffer }> {
  const heard = new Heard()
  const registers = Buffer.alloc(REGISTERS * 2)
  const listener = createServer()
  listener.on('connection', (socket) => {
    socket.on('data', () => heard.from(socket.remoteAddress))
  })
  new Modbus.server.TCP(listener, { holding: registers })
  return { ...(await listenAt(listener, place, heard)), registers }
}

export type ModbusClient = InstanceType<typeof Modbus.client.TCP>

/** Connects from one address; the caller destroys the socket. */
export function modbusConnect(
  from: string,
  place: Place,
): Promise<{ client: ModbusClient; socket: Socket }> {
  const socket = new Socket()
  const client = new Modbus.client.TCP(socket, UNIT, TIMEOUT_MS)
  return new Promise((done, fail) => {
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), TIMEOUT_MS)
    socket.once('error', fail)
    socket.on('close', () => clearTimeout(timer))
    socket.connect({ host: place.host, port: place.port, localAddress: from }, () => {
      clearTimeout(timer)
      socket.on('error', () => socket.destroy())
      done({ client, socket })
    })
  })
}

/** Reads a block of registers on one long connection, again and again. */
export function poll(
  from: string,
  place: Place,
  chance: Chance,
  pauseMs: readonly [number, number],
): Activity {
  return onOneConnection(from, place, pauseMs, chance, async (client) => {
    await client.readHoldingRegisters(chance.int(0, 40), chance.int(4, 20))
  })
}

/** The operator's station: mostly reads, and sets a value now and then (functions 6 and 16). */
export function operate(
  from: string,
  place: Place,
  chance: Chance,
  pauseMs: readonly [number, number],
): Activity {
  let round = 0
  return onOneConnection(from, place, pauseMs, chance, async (client) => {
    await client.readHoldingRegisters(0, 16)
    // Both functions in its first rounds: a station is known for what it did while nothing was wrong.
    if (round < 2 || chance.next() < 0.3) {
      const single = round % 2 === 0
      const at = chance.int(0, 30)
      if (single) await client.writeSingleRegister(at, chance.int(0, 500))
      else await client.writeMultipleRegisters(at, [chance.int(0, 500), chance.int(0, 500)])
    }
    round++
  })
}

function onOneConnection(
  from: string,
  place: Place,
  pauseMs: readonly [number, number],
  chance: Chance,
  round: (client: ModbusClient) => Promise<void>,
): Activity {
  let open: { client: ModbusClient; socket: Socket } | undefined
  return repeat(
    async () => {
      if (!open || open.socket.destroyed) open = await modbusConnect(from, place)
      try {
        await round(open.client)
      } catch (error) {
        open.socket.destroy()
        throw error
      }
    },
    () => chance.int(...pauseMs),
    () => open?.socket.end(),
  )
}
