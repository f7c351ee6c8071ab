/** The parent's end of one cell. It asks one thing at a time and takes answers as data, whatever is in them. */
import { Failure } from '../base/failure.ts'
import type { Branch } from '../lake/cell.ts'
import type { CellQuestion } from '../lake/cell-answer.ts'
import { cellRoom } from '../lake/cell-room.ts'
import { ConfinedChild, type Cut, type Limits } from '../lake/confined-child.ts'
import type { Walls } from '../lake/walls.ts'
import type { FromCell, ToCell } from './run-cell.ts'

const PROGRAM = new URL('./run-cell.ts', import.meta.url)
const START_MS_MAX = 15_000
/** Of one question. */
export const RESULT_BYTES_MAX = 50 << 20
/** As JSON an answer may be longer than it counts, and comes twice where the first way of answering ends halfway. */
const SAYS_BYTES_MAX = 160 << 20
export const CELL_LIMITS: Limits = {
  ...{ cpuMs: 10_000, wallMs: 30_000, rssBytes: cellRoom().rssBytes },
  saysBytes: SAYS_BYTES_MAX,
}

export interface CellAnswer {
  columns: string[]
  rows: unknown[][]
  truncated: boolean
}

export class CellClient {
  readonly #child: ConfinedChild
  readonly #limits: Limits
  #take: ((message: FromCell) => void) | undefined
  #fail: ((failure: Failure) => void) | undefined

  constructor(limits: Limits = CELL_LIMITS, walls?: Walls) {
    this.#limits = limits
    this.#child = new ConfinedChild({ program: PROGRAM, walls, memoryBytes: limits.rssBytes })
    this.#child.take((message) => this.#take?.(message as FromCell))
    this.#child.onGone((cut) => this.#fail?.(cutFailure(cut, limits)))
  }

  /** Starts a process that knows nothing yet. */
  static async start(
    limits?: Limits,
    walls?: Walls,
    startMsMax = START_MS_MAX,
  ): Promise<CellClient> {
    const cell = new CellClient(limits, walls)
    const timer = setTimeout(() => cell.#child.kill('late'), startMsMax)
    try {
      await cell.#until(undefined, 'ready')
      return cell
    } finally {
      clearTimeout(timer)
    }
  }

  get isGone(): boolean {
    return this.#child.isGone
  }

  get pid(): number {
    return this.#child.pid
  }

  /** From now on only these files, or what lies in folders that end in `/`, can be read by it. */
  async confine(readable: string[]): Promise<{ landlock: number; seccomp: boolean }> {
    const folders = await this.#child.show(readable)
    const message = await this.#until({ type: 'confine', readable, folders }, 'confined')
    return message as Extract<FromCell, { type: 'confined' }>
  }

  /** Hands over the keys. Again with other branches: a new engine in the same confined process. */
  async open(branches: Branch[]): Promise<void> {
    await this.#watched(() => this.#until({ type: 'open', branches }, 'opened'))
  }

  ask(question: CellQuestion): Promise<CellAnswer> {
    const answer: CellAnswer = { columns: [], rows: [], truncated: false }
    return this.#watched(async () => {
      const end = await this.#until({ type: 'ask', ...question }, 'end', (message) => {
        if (message.type === 'columns') Object.assign(answer, { columns: message.names, rows: [] })
        if (message.type === 'rows') for (const row of message.rows) answer.rows.push(row)
      })
      answer.truncated = (end as Extract<FromCell, { type: 'end' }>).truncated
      return answer
    })
  }

  kill(): void {
    this.#child.kill('stopped')
  }

  async #watched<T>(act: () => Promise<T>): Promise<T> {
    const stop = this.#child.watch(this.#limits)
    try {
      return await act()
    } finally {
      stop()
    }
  }

  #until(
    message: ToCell | undefined,
    last: FromCell['type'],
    between: (message: FromCell) => void = () => {},
  ): Promise<FromCell> {
    return new Promise((done, fail) => {
      this.#fail = fail
      this.#take = (answer) => {
        if (answer.type === last) done(answer)
        else if (answer.type === 'failed') fail(new Failure('invalid', answer.message))
        else between(answer)
      }
      if (this.#child.isGone) fail(cutFailure('died', this.#limits))
      else if (message) this.#child.send(message)
    })
  }
}

function cutFailure(cut: Cut, { cpuMs, wallMs, rssBytes }: Limits): Failure {
  switch (cut) {
    case 'cpu':
      return new Failure('too-many', `The question used more than ${cpuMs / 1000} s of processor time and was ended.`) // biome-ignore format: one line
    case 'wall':
      return new Failure(
        'too-many',
        `The question took more than ${wallMs / 1000} s and was ended.`,
      )
    case 'memory':
      return new Failure('too-many', `The question needed more than ${rssBytes >> 20} MB of memory and was ended.`) // biome-ignore format: one line
    case 'said':
      return new Failure('too-many', 'The answer was longer than an answer can be, and was ended.')
    case 'late':
      return new Failure('unavailable', 'No process to answer the question started in time, as this machine has too much other work; ask again.') // biome-ignore format: one line
    case 'stopped':
      return new Failure('unavailable', 'The question was ended because its cell was closed.')
    case 'died':
      return new Failure('internal', 'The process that answered the question died; ask again.')
  }
}
