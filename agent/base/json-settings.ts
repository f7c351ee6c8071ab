/** Settings as JSON text: one object, or a sentence that says what it is instead. */
import { Failure } from './failure.ts'
import { brief } from './text.ts'

const WHY_CHARS_MAX = 200

export function parseSettings(text: string, file: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    // It quotes the text, with its line ends.
    const why = brief((error as Error).message, WHY_CHARS_MAX)
    throw new Failure('invalid', `${file} is not JSON: ${why}.`, { file }, error)
  }
  // An array passes for an object without keys.
  if (Array.isArray(value))
    throw new Failure('invalid', `${file} holds a list where settings are due.`, { file })
  return value
}
