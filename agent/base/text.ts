/**
 * Text from the wire is data (D35). `visible` makes it safe to put in a sentence; each output then has
 * its own encoder on top. HTML is escaped by hono/html, JSON by JSON.stringify.
 */

// Controls, bidi marks and overrides, zero-width, filler and other format characters, line separators, halves of
// pairs, the empty braille cell; and marks heaped on one letter, which would cover the lines above.
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]|(?<=\p{M}{3})\p{M}/gu

/** Shows what a reader could not see as `\u{…}`. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`)
}

/** `visible`, cut to `max` characters with an ellipsis that counts; never in the middle of a surrogate pair. */
export function brief(text: string, max: number): string {
  const shown = visible(text)
  if (shown.length <= max) return shown
  const cut = shown.slice(0, max - 1)
  return `${cut.isWellFormed() ? cut : cut.slice(0, -1)}…`
}

/** One CSV cell: quoted where needed; a cell that a spreadsheet would run gets a leading quote mark. */
export function csvCell(value: string): string {
  const tame = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\n\r]/.test(tame) ? `"${tame.replaceAll('"', '""')}"` : tame
}
