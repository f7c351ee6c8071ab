/** Rule files as text → the parts of each rule, by Suricata's own way of cutting (detect-parse.c). */

export interface Option {
  name: string
  /** As written, trimmed; undefined for an option without a colon. */
  value: string | undefined
}

/** A rule cut in its parts; nothing in it is judged yet. */
export interface RuleText {
  action: string
  protocol: string
  source: string
  sourcePorts: string
  direction: string
  destination: string
  destinationPorts: string
  options: Option[]
}

export interface RuleLine {
  /** From 1: where the rule starts. */
  line: number
  text: string
}

export const RULE_BYTES_MAX = 32_768
const OPTIONS_MAX = 512

/** Why a rule is not loaded. Thrown within the compiler only; the set turns it into a Refusal. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly keyword: string | undefined

  constructor(keyword: string | undefined, reason: string) {
    super(reason)
    this.keyword = keyword
  }
}

/** Rules of a file, one at a time; comments and empty lines left out, lines that end in a backslash joined. */
export function* ruleLines(text: string): Generator<RuleLine> {
  let open = ''
  let openLine = 0
  let line = 0
  for (let from = 0; from <= text.length; ) {
    const newline = text.indexOf('\n', from)
    const end = newline < 0 ? text.length : newline
    const part = text.slice(
      from,
      end > from && text[end - 1] === '\r' && newline >= 0 ? end - 1 : end,
    )
    from = end + 1
    line++
    if (open === '') {
      openLine = line
      if (/^\s*(#|$)/.test(part)) continue
    }
    if (part.endsWith('\\')) {
      open += `${part.slice(0, -1)} `
      continue
    }
    const rule = (open + part).trim()
    open = ''
    if (rule !== '') yield { line: openLine, text: rule }
  }
  if (open.trim() !== '') yield { line: openLine, text: open.trim() }
}

/** Cuts one rule. Throws Refused with what is wrong. */
export function parseRule(text: string): RuleText {
  if (text.length > RULE_BYTES_MAX)
    throw new Refused(undefined, `the rule is longer than ${RULE_BYTES_MAX} characters`)
  const open = text.indexOf('(')
  if (open < 0) throw new Refused(undefined, 'there are no options in parentheses')
  if (!text.endsWith(')')) throw new Refused(undefined, 'the closing parenthesis is missing')
  const words = headerWords(text.slice(0, open))
  if (words.length !== 7)
    throw new Refused(
      undefined,
      `the header has ${words.length} parts where action, protocol, source, port, direction, destination and port are due`,
    )
  const [action, protocol, source, sourcePorts, direction, destination, destinationPorts] =
    words as [string, string, string, string, string, string, string]
  const options = parseOptions(text.slice(open + 1, -1))
  return {
    action,
    protocol: protocol.toLowerCase(),
    source,
    sourcePorts,
    direction,
    destination,
    destinationPorts,
    options,
  }
}

/** Words at spaces; a bracketed list is one word whatever spaces are in it. */
function headerWords(header: string): string[] {
  const words: string[] = []
  let depth = 0
  let word = ''
  for (const c of header) {
    if (c === '[') depth++
    if (c === ']') depth--
    if (!/\s/.test(c)) word += c
    else if (depth === 0 && word !== '' && word !== '!') {
      words.push(word)
      word = ''
    }
  }
  if (word !== '') words.push(word)
  return words
}

/** An option ends at a semicolon that no backslash stands before, in quotes too. */
function parseOptions(text: string): Option[] {
  const options: Option[] = []
  let from = 0
  while (from < text.length) {
    let end = text.indexOf(';', from)
    while (end > 0 && text[end - 1] === '\\') end = text.indexOf(';', end + 1)
    const part = text.slice(from, end < 0 ? undefined : end).trim()
    if (end < 0) {
      if (part === '') break
      throw new Refused(part.split(':')[0]?.trim(), 'the option does not end in a semicolon')
    }
    from = end + 1
    if (part === '') continue
    if (options.length === OPTIONS_MAX)
      throw new Refused(undefined, `the rule has more than ${OPTIONS_MAX} options`)
    const colon = part.indexOf(':')
    options.push(
      colon < 0
        ? { name: part.toLowerCase(), value: undefined }
        : { name: part.slice(0, colon).trim().toLowerCase(), value: part.slice(colon + 1).trim() },
    )
  }
  return options
}

/** The text between quotes; `!` before them is told apart. */
export function quoted(keyword: string, value: string): { negated: boolean; text: string } {
  const negated = value.startsWith('!')
  const rest = negated ? value.slice(1).trimStart() : value
  if (rest.length < 2 || !rest.startsWith('"') || !rest.endsWith('"'))
    throw new Refused(keyword, 'the value must stand in double quotes')
  return { negated, text: rest.slice(1, -1) }
}
