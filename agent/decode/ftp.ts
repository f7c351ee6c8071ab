/** Where FTP's data connection goes: PORT and 227 (RFC 959), EPRT and 229 (RFC 2428). */

export interface DataPlace {
  /** '' where the control connection's own address is meant. */
  address: string
  port: number
}

export function portOf(verb: string, argument: string): DataPlace | undefined {
  if (verb === 'PORT') return sixNumbers(argument)
  if (verb !== 'EPRT') return undefined
  const [, , , address = '', port = ''] = /^(.)([12])\1([0-9a-fA-F.:]{2,45})\1(\d{1,5})\1$/.exec(
    argument,
  ) ?? ['', '', '', '', '']
  return place(address, Number(port))
}

/** Of a server's answer to PASV or EPSV. */
export function passiveOf(code: number, text: string): DataPlace | undefined {
  if (code === 227) return sixNumbers(/\d{1,3}(?:,\d{1,3}){5}/.exec(text)?.[0] ?? '')
  if (code !== 229) return undefined
  return place('', Number(/\((.)\1\1(\d{1,5})\1\)/.exec(text)?.[2] ?? 0))
}

function sixNumbers(text: string): DataPlace | undefined {
  const numbers = text.split(',').map(Number)
  if (numbers.length !== 6 || !numbers.every((number) => number >= 0 && number <= 255))
    return undefined
  const [high = 0, low = 0] = numbers.slice(4)
  return place(numbers.slice(0, 4).join('.'), high * 256 + low)
}

function place(address: string, port: number): DataPlace | undefined {
  return port > 0 && port <= 65_535 ? { address, port } : undefined
}
