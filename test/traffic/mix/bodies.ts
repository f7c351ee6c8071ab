/** Text and bytes that bodies are cut from: pages, scripts, records, pictures; no two cuts need be the same. */
import { gzipSync } from 'node:zlib'
import type { Chance } from '../chance.ts'

const COMMON =
  `the of and to in is that for it as was with be by on not he his but at are this have from or had an they
which one you were all her she there would their we him been has when who will no more if out so up said what its about than into
them can only other time new some could these two may first then do any like my now over such our man me even most made after also
did many off before must well back through years where much your way down should because long each just state people those too mr
how little good world make very year still see work life government system order service number customer product price report page
contact search home news account privacy terms button image menu header footer article share comment support download update
version network device office branch invoice delivery payment`.split(/\s+/)
const SYLLABLES = 'ka lo mi ren tas vor el in du sha pre con ter al ne so bri qua hex um'.split(' ')

export class Bodies {
  readonly #chance: Chance
  readonly #rare: string[]
  readonly #pages: Buffer
  readonly #scripts: Buffer
  readonly #records: Buffer
  readonly #pictures: Buffer
  readonly #packed: Buffer[]

  constructor(chance: Chance) {
    this.#chance = chance
    this.#rare = Array.from({ length: 3000 }, () =>
      Array.from({ length: chance.int(2, 4) }, () => chance.pick(SYLLABLES)).join(''),
    )
    this.#pages = this.#filled(3_000_000, () => this.#pageLine())
    this.#scripts = this.#filled(1_500_000, () => this.#scriptLine())
    this.#records = this.#filled(1_500_000, () => this.#recordLine())
    this.#pictures = randomBytes(chance, 8_000_000)
    this.#packed = Array.from({ length: 48 }, () => gzipSync(this.page(chance.int(4000, 120_000))))
  }

  word(): string {
    const chance = this.#chance
    if (chance.next() < 0.25) return chance.pick(this.#rare)
    return COMMON[Math.floor(COMMON.length * chance.next() ** 2)] as string
  }

  sentence(words: number): string {
    return Array.from({ length: words }, () => this.word()).join(' ')
  }

  page = (bytes: number) => this.#cut(this.#pages, bytes)
  script = (bytes: number) => this.#cut(this.#scripts, bytes)
  record = (bytes: number) => this.#cut(this.#records, bytes)
  picture = (bytes: number) => this.#cut(this.#pictures, bytes)
  packed = (): Buffer => this.#chance.pick(this.#packed)

  #cut(from: Buffer, bytes: number): Buffer {
    const size = Math.min(bytes, from.length)
    const at = this.#chance.int(0, from.length - size)
    return from.subarray(at, at + size)
  }

  #filled(bytes: number, line: () => string): Buffer {
    const parts: string[] = []
    for (let size = 0; size < bytes; ) {
      const text = line()
      parts.push(text)
      size += text.length
    }
    return Buffer.from(parts.join(''), 'latin1')
  }

  #pageLine(): string {
    const chance = this.#chance
    const tag = chance.pick(['p', 'li', 'h2', 'span', 'td'])
    const text = this.sentence(chance.int(4, 40))
    if (chance.next() < 0.3)
      return `<div class="${this.word()}-${this.word()}" id="${this.word()}"><a href="/${this.word()}/${this.word()}.html?id=${chance.int(1, 99_999)}">${text}</a></div>\n`
    return `<${tag} class="${this.word()}">${text}.</${tag}>\n`
  }

  #scriptLine(): string {
    const [a, b, c] = [this.word(), this.word(), this.word()]
    return this.#chance.pick([
      `function ${a}(e,t){var n=e.${b}||{};return t?n["${c}"]:null}`,
      `var ${a}=document.getElementById("${b}");if(${a}!==null){${a}.style.display="none";}`,
      `window.${a}=window.${a}||[];${a}.push({"${b}":${this.#chance.int(0, 9999)},"${c}":!0});\n`,
      `.${a}-${b}{margin:0 auto;padding:${this.#chance.int(0, 40)}px;background-color:#${this.#chance.int(0x100000, 0xffffff).toString(16)}}\n`,
      `for(var i=0;i<${a}.length;i++){${b}(${a}[i].${c}.toString())}`,
    ])
  }

  #recordLine(): string {
    const chance = this.#chance
    return `{"id":${chance.int(1, 9_999_999)},"${this.word()}":"${this.sentence(chance.int(1, 12))}","${this.word()}":${chance.next() < 0.5},"time":"2025-0${chance.int(1, 9)}-1${chance.int(0, 9)}T1${chance.int(0, 9)}:00:00Z"},`
  }
}

export function randomBytes(chance: Chance, bytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(bytes / 4))
  for (let i = 0; i < words.length; i++) words[i] = chance.next() * 2 ** 32
  return Buffer.from(words.buffer, 0, bytes)
}
