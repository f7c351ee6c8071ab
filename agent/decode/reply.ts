/** Lines of FTP (RFC 959) and SMTP (RFC 5321): a verb and what it is about; a code of three digits and a text. */

export interface Command {
  /** In capitals. */
  verb: string
  argument: string
}

export interface Reply {
  code: number
  /** Another line of this reply follows: the code had a hyphen behind it. */
  more: boolean
  text: string
}

export function decodeCommand(line: Buffer): Command {
  const text = line.toString('latin1').trimStart()
  const space = text.search(/[ \t]/)
  if (space === -1) return { verb: text.toUpperCase(), argument: '' }
  return { verb: text.slice(0, space).toUpperCase(), argument: text.slice(space + 1).trim() }
}

/** Undefined: the line has no code, as lines inside a longer reply may. */
export function decodeReply(line: Buffer): Reply | undefined {
  const text = line.toString('latin1')
  if (!/^[1-6]\d\d(?:[ \t-]|$)/.test(text)) return undefined
  return { code: Number(text.slice(0, 3)), more: text[3] === '-', text: text.slice(4) }
}
