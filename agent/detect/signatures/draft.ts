/** A rule while its options are read, one after another: what the keywords write into. */
import type { AppEvent } from '../../decode/app-events.ts'
import type { PacketEvent } from '../../decode/events.ts'
import type { AppProto } from '../../decode/records.ts'
import type { Tag } from '../tags.ts'
import type { ByteExtract, Condition, Content, Operand } from './condition.ts'
import { follow, SLOTS_MAX } from './condition.ts'
import type { Datasets } from './datasets.ts'
import type {
  FlowBit,
  PacketTest,
  RuleAction,
  StateChange,
  StateTest,
  ThresholdRule,
  TransactionTest,
} from './rule.ts'
import { Refused } from './rule-text.ts'
import type { Variables } from './variables.ts'

/** Conditions of one buffer; `name` undefined: the plain payload. */
export interface DraftList {
  name: string | undefined
  transforms: string[]
  /** In a rule with =>: of the answer. */
  response?: boolean
  conditions: Condition[]
  fast: { content: Content; from: number; to: number } | undefined
}

export class Draft {
  readonly variables: Variables
  readonly action: RuleAction
  msg = ''
  sid = 0
  rev = 0
  gid = 1
  classtype = ''
  priority: number | undefined
  references: string[] = []
  metadata: Record<string, string[]> = {}
  noalert = false
  tells = false
  /** A match ends the inspection of its flow. */
  bypass = false
  /** What the action config does: nothing is written of what matched. */
  silences: 'tx' | 'flow' | undefined
  /** Sets of values, by name, of the rule set it belongs to. */
  readonly datasets: Datasets
  readonly tags: Tag[] = []
  side: 0 | 1 | 2 = 0
  established: 0 | 1 | 2 = 0
  needsFlow = false
  /** The rule has a `flow` keyword. */
  flowWords = false
  streamOnly = false
  packetOnly = false
  /** Protocols the rule may be about; undefined: any. */
  protos: readonly AppProto[] | undefined
  /** Protocols it must not be about. */
  readonly notProtos: AppProto[] = []
  /** An application event it asks for. */
  appEvent: AppEvent | undefined
  threshold: ThresholdRule | undefined
  readonly packetTests: PacketTest[] = []
  /** They pass no packet of more payload. */
  sizeMost = Number.POSITIVE_INFINITY
  /** Of them, those that ask for the IP protocol alone. */
  protocolTests = 0
  /** `late`: asks what comes after the hello or the head. */
  readonly transactionTests: {
    test: TransactionTest
    late?: boolean
    /** Of question and answer alike. */
    bothSides?: boolean
  }[] = []
  /** Request and answer in one rule (=>). */
  exchange = false
  event: PacketEvent | undefined
  readonly stateTests: StateTest[] = []
  readonly stateChanges: StateChange[] = []
  /** Of them, those of bits of hosts. */
  hostBitChanges = 0
  readonly bits: FlowBit[] = []
  readonly lists: DraftList[] = []
  readonly #slots: string[] = []

  /** The sticky buffer in force. */
  #sticky: DraftList | undefined
  /** The last content, for the modifiers after it, and the list it is in. */
  #last: { content: Content; list: DraftList } | undefined

  constructor(action: RuleAction, variables: Variables, datasets: Datasets) {
    this.datasets = datasets
    this.action = action
    this.variables = variables
  }

  /** Contents that follow look at this buffer; undefined: at the payload. */
  stick(name: string | undefined, multi = false): void {
    this.#last = undefined
    this.#base64 = undefined
    this.#sticky = name === undefined ? undefined : this.#openList(name, multi)
  }

  #base64: DraftList | undefined

  /** What follows is asked of the bytes that the last base64_decode gave. */
  stickBase64(keyword: string): void {
    const found = this.lists.flatMap(({ conditions }) =>
      conditions.flatMap((each) => (each.type === 'base64' ? [each] : [])),
    )
    const decode = found.at(-1)
    if (!decode) throw new Refused(keyword, 'there is no base64_decode before it')
    this.#last = undefined
    this.#base64 = {
      name: undefined,
      transforms: [],
      conditions: decode.conditions,
      fast: undefined,
    }
  }

  get inBase64(): boolean {
    return this.#base64 !== undefined
  }

  get sticky(): DraftList | undefined {
    return this.#sticky
  }

  /** The list in force; what counts from a match belongs where that match is, in the old style too. */
  list(relative = false): DraftList {
    if (this.#base64) return this.#base64
    if (!this.#sticky && relative && this.#last) return this.#last.list
    return this.#sticky ?? this.#openList(undefined, false)
  }

  listOf(name: string | undefined): DraftList {
    return this.#openList(name, false)
  }

  #openList(name: string | undefined, multi: boolean): DraftList {
    const known = multi
      ? undefined
      : this.lists.find((list) => list.name === name && list.transforms.length === 0)
    if (known) return known
    const list: DraftList = { name, transforms: [], conditions: [], fast: undefined }
    this.lists.push(list)
    return list
  }

  addContent(content: Content): void {
    const list = this.list()
    list.conditions.push(content)
    this.#last = { content, list }
  }

  /** The content a modifier belongs to. */
  last(keyword: string): { content: Content; list: DraftList } {
    if (!this.#last) throw new Refused(keyword, 'there is no content before it')
    return this.#last
  }

  /** An old-style modifier puts the last content into a buffer. */
  moveLast(keyword: string, name: string): void {
    const { content, list } = this.last(keyword)
    if (list.name !== undefined)
      throw new Refused(keyword, 'a modifier cannot follow a sticky buffer')
    list.conditions.splice(list.conditions.indexOf(content), 1)
    const into = this.listOf(name)
    into.conditions.push(content)
    if (content.distance !== undefined || content.within !== undefined)
      follow(into.conditions, content)
    if (list.fast?.content === content) {
      into.fast = list.fast
      list.fast = undefined
    }
    this.#last = { content, list: into }
  }

  /** A number, or the name that a byte_extract before it has given. */
  operand(keyword: string, text: string, signed = false): Operand {
    const number = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
    if (Number.isSafeInteger(number)) {
      if ((number < 0 && !signed) || Math.abs(number) > 0xffff_ffff)
        throw new Refused(keyword, `${text} is out of range`)
      return { value: number, slot: -1 }
    }
    const slot = this.#slots.indexOf(text)
    if (slot < 0)
      throw new Refused(keyword, `"${text}" is neither a number nor a byte_extract name`)
    return { value: 0, slot }
  }

  /** Gives a byte_extract its place among the numbers. */
  slot(name: string): ByteExtract['slot'] {
    const known = this.#slots.indexOf(name)
    if (known >= 0) return known
    if (this.#slots.length === SLOTS_MAX)
      throw new Refused('byte_extract', `a rule may keep ${SLOTS_MAX} numbers`)
    return this.#slots.push(name) - 1
  }

  /** What the keyword asks is in one of these. */
  useProto(keyword: string, ...protos: readonly AppProto[]): void {
    const before = this.protos
    const both = before === undefined ? protos : before.filter((each) => protos.includes(each))
    if (both.length === 0)
      throw new Refused(keyword, `the rule is about ${before?.join(' or ')} already`)
    this.protos = both
  }
}
