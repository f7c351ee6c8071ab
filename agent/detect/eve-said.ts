/** Building an EVE object from what may be absent. */
import type { Json } from './eve-app.ts'

/** Only what was said: an empty text, list or undefined is left out. */
export function said(fields: Json): Json {
  const json: Json = {}
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0))
      json[name] = value
  return json
}
