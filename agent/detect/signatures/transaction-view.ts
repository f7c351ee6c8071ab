/** One transaction as the rules see it: which parts have come, and the buffers, each read once. */
import type { HttpTransaction, Noted, SshBanners, Transaction } from '../../decode/records.ts'
import { type ItTransaction, isIt, recordOf } from '../../decode/records-it.ts'
import type { Candidates } from '../prefilter/prefilter.ts'
import type { WasmPrefilter } from '../prefilter/wasm-grams.ts'
import type { BufferView } from './rule.ts'

/** 0: not there; 1: there, may grow; 2: there, as much as there will be. */
export type Readiness = 0 | 1 | 2

type Values = readonly Uint8Array[]

const NONE: Values = []

export class TransactionView {
  #transaction: Transaction | undefined
  /** By view; a text stays one until its bytes are asked for. */
  #values: (Values | string)[] = []
  #round = new Uint32Array(0)
  #now = 0

  /** Forgets the buffers of the transaction before. */
  open(transaction: Transaction): void {
    this.#transaction = transaction
    if (++this.#now === 0xffff_ffff) {
      this.#round.fill(0)
      this.#now = 1
    }
  }

  /** Views are numbered anew by each set. */
  reset(views: number): void {
    this.#round = new Uint32Array(views)
    this.#values = Array.from({ length: views }, () => NONE)
    this.#now = 0
  }

  values(view: BufferView): Values {
    const value = this.#value(view)
    if (typeof value !== 'string') return value
    const values = [Buffer.from(value, 'latin1')]
    this.#values[view.index] = values
    return values
  }

  /** Which rules' literals are there. Most texts hold none, and no bytes are made of those. */
  find(view: BufferView, prefilter: WasmPrefilter, found: Candidates): void {
    const value = this.#value(view)
    if (typeof value === 'string') {
      prefilter.scanText(value, found)
      return
    }
    for (let i = 0; i < value.length; i++) {
      const bytes = value[i] as Uint8Array
      prefilter.scan(bytes, 0, bytes.length, found, 0)
    }
  }

  #value(view: BufferView): Values | string {
    const { index } = view
    if (this.#round[index] === this.#now) return this.#values[index] as Values | string
    const value = this.#read(view)
    this.#values[index] = value
    this.#round[index] = this.#now
    return value
  }

  #read({ source, response, transforms }: BufferView): Values | string {
    if (!this.#transaction) return NONE
    const value = source.read(this.#transaction, response)
    if (value === undefined) return NONE
    if (typeof value === 'string' && transforms.length === 0) return value
    const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value
    const values = bytes instanceof Uint8Array ? [bytes] : bytes
    if (transforms.length === 0) return values
    return values.map((each) => transforms.reduce((changed, change) => change(changed), each))
  }
}

/** What stays the same of a transaction that is handed over more than once; undefined: it comes once. */
export function subjectOf(tx: Transaction): Noted | undefined {
  switch (tx.proto) {
    case 'http':
      return tx.http
    case 'tls':
      return tx.tls
    case 'ssh':
      return tx.ssh
    default:
      return isIt(tx) ? recordOf(tx) : undefined
  }
}

export function readiness(transaction: Transaction, response: boolean, body: boolean): Readiness {
  const { proto, stage } = transaction
  switch (proto) {
    case 'dns':
    case 'modbus':
      return response === (stage === 'response') ? 2 : 0
    case 'tls':
      if (!response) return 2
      if (stage === 'request') return 0
      return body && stage !== 'done' ? 1 : 2
    case 'ssh':
      return sshReadiness(transaction.ssh, response, body)
    case 'http':
      return httpReadiness(transaction.http, stage, response, body)
    default:
      if ('ics' in transaction || transaction.proto === 'quic')
        return response === (stage === 'response') ? 2 : 0
      return itReadiness(transaction, response, body)
  }
}

function sshReadiness(ssh: SshBanners, response: boolean, body: boolean): Readiness {
  if (body) return (response ? ssh.serverHassh : ssh.clientHassh) === '' ? 0 : 2
  return (response ? ssh.serverProtocol : ssh.clientProtocol) === '' ? 0 : 2
}

function itReadiness(tx: ItTransaction, response: boolean, body: boolean): Readiness {
  if (tx.stage === 'file') return body && tx.file?.toServer === !response ? 2 : 0
  // What asks late is asked of each file, and once more when all is said.
  if (body) return tx.stage === 'done' ? 2 : 0
  return tx.stage === 'done' || !response ? 2 : 0
}

function httpReadiness(
  http: HttpTransaction,
  stage: string,
  response: boolean,
  body: boolean,
): Readiness {
  if (response) {
    if (http.status === 0 && http.statusText === undefined) return 0
    if (!body) return 2
    return http.responseDone || stage === 'done' ? 2 : http.responseBody.length > 0 ? 1 : 0
  }
  if (http.method === '') return 0
  if (!body) return 2
  if (http.requestDone || stage === 'response' || stage === 'response-body' || stage === 'done')
    return 2
  return http.requestBody.length > 0 ? 1 : 0
}
