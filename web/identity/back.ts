/** Where to go after a form: only a path of our own (session-06), else `fallback`. */
export function ownPath(text: unknown, fallback: string): string {
  if (typeof text !== 'string' || text.length > 2000) return fallback
  // biome-ignore lint/suspicious/noControlCharactersInRegex: browsers drop tab and newline from a URL
  if (!/^\/(?![/\\])[^\\\u0000-\u001f]*$/.test(text)) return fallback
  const url = new URL(text, 'http://picket.invalid')
  return url.host === 'picket.invalid' ? `${url.pathname}${url.search}` : fallback
}
