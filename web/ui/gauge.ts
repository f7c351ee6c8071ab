/** Figures about a machine as pictures: an arc that fills, and a bar of heat. The table behind each has the same numbers. */
import { type Html, html, NOTHING, type Piece } from './html.ts'

const RADIUS = 50
const CENTRE = 60
const CELSIUS_MAX = 100

export interface Gauge {
  /** Of `max`; what is above it fills the arc. */
  value: number
  max: number
  /** The number with its unit, and what it is of. */
  figure: Piece
  caption: string
  /** Where it becomes too little or too much. */
  mark?: number
  /** It is past that: drawn as the darkest, not in the colour of a severity. */
  past?: boolean
}

export function gauge({ value, max, figure, caption, mark, past = false }: Gauge): Html {
  const at = (of: number) => Math.min(1, Math.max(0, of / max))
  const line = mark === undefined ? NOTHING : html`<path class="limit" d="${tick(at(mark))}"/>`
  return html`<figure class="gauge${past ? ' past' : ''}"><svg viewBox="0 0 120 66" aria-hidden="true"><path d="${arc(1)}"/>${value > 0 ? html`<path class="filled" d="${arc(at(value))}"/>` : NOTHING}${line}</svg><p><b>${figure}</b></p><figcaption>${caption}</figcaption></figure>`
}

/** From the left end as far as that part of the half circle. */
function arc(part: number): string {
  const { x, y } = point(part, RADIUS)
  return `M${CENTRE - RADIUS} ${CENTRE}A${RADIUS} ${RADIUS} 0 0 1 ${x} ${y}`
}

function tick(part: number): string {
  const [inner, outer] = [point(part, RADIUS - 9), point(part, RADIUS + 9)]
  return `M${inner.x} ${inner.y}L${outer.x} ${outer.y}`
}

function point(part: number, radius: number): { x: string; y: string } {
  const angle = Math.PI * (1 - part)
  return {
    x: (CENTRE + radius * Math.cos(angle)).toFixed(1),
    y: (CENTRE - radius * Math.sin(angle)).toFixed(1),
  }
}

export function heatBar(name: string, celsius: number, past = false): Html {
  const width = Math.min(1000, Math.max(0, (celsius / CELSIUS_MAX) * 1000))
  return html`<svg class="tiers" viewBox="0 0 1000 16" preserveAspectRatio="none" role="img" aria-label="${name}: ${celsius} of ${CELSIUS_MAX} °C"><rect width="1000" height="16"/><rect class="${past ? 'narrow' : 't1'}" width="${width.toFixed(0)}" height="16"/></svg>`
}
