/** Lines of a file from outside, one at a time, each within a bound. */
import { createReadStream } from 'node:fs'
import { Failure } from '../base/failure.ts'
import { brief } from '../base/text.ts'

const LINE_BYTES_MAX = 1 << 20
/** Of the reason, which quotes the line. */
const WHY_CHARS_MAX = 200

export async function* linesOf(path: string): AsyncGenerator<{ line: string; number: number }> {
  let rest: Buffer = Buffer.alloc(0)
  let number = 0
  const tooLong = () => new Failure('invalid', `${path}, line ${number + 1}: longer than ${LINE_BYTES_MAX} bytes.`) // biome-ignore format: one line
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
      let bytes = rest.length > 0 ? Buffer.concat([rest, chunk as Buffer]) : (chunk as Buffer)
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
        if (end > LINE_BYTES_MAX) throw tooLong()
        const line = bytes.toString('utf8', 0, end)
        bytes = bytes.subarray(end + 1)
        number++
        if (line.trim() !== '') yield { line, number }
      }
      rest = bytes
      if (rest.length > LINE_BYTES_MAX) throw tooLong()
    }
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('invalid', `${path} cannot be read.`, { file: path }, error)
  }
  if (rest.toString().trim() !== '') yield { line: rest.toString(), number: number + 1 }
}

/** A line as an object; what is wrong with it is said with its number. */
export function objectOf(line: string, number: number): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw wrongLine(number, `not JSON (${brief((error as Error).message, WHY_CHARS_MAX)})`)
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw wrongLine(number, 'not a JSON object')
  return value as Record<string, unknown>
}

export function wrongLine(number: number, what: string): Failure {
  return new Failure('invalid', `Line ${number}: ${what}.`, { line: number })
}
