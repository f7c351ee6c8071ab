/** What two ends say to each other, before it is cut into packets. */

export interface Said {
  from: 'client' | 'server'
  data: Uint8Array
}

export interface Talk {
  udp?: true
  /** Four bytes or sixteen. */
  client: Uint8Array
  server: Uint8Array
  port: number
  said: Said[]
  /** Ends by a reset instead of both FINs. */
  reset?: true
}

export const fromClient = (data: Uint8Array | string): Said => ({
  from: 'client',
  data: Buffer.from(data as Uint8Array),
})

export const fromServer = (data: Uint8Array | string): Said => ({
  from: 'server',
  data: Buffer.from(data as Uint8Array),
})
