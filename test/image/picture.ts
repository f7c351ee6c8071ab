/** What stands on the screen of a machine, as far as a program can tell: whether anything does. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Machine } from './machine.ts'

/** Bytes of the picture that are not black. A cursor blinks: what is no more than one is nothing. */
export async function inkOf(machine: Machine): Promise<number> {
  const path = join(machine.folder, 'screen.ppm')
  await machine.qmp.ask('screendump', { filename: path, format: 'ppm' })
  const pixels = pixelsOf(readFileSync(path))
  let ink = 0
  for (const byte of pixels) if (byte !== 0) ink++
  return ink > CURSOR_BYTES_MAX ? ink : 0
}

/** An underline of a text cell, or a whole one: 8 × 16 pixels of three bytes. */
const CURSOR_BYTES_MAX = 8 * 16 * 3

/** Behind three numbers: P6, width and height, the greatest value. */
function pixelsOf(ppm: Buffer): Buffer {
  const head = /^P6\s+\d+\s+\d+\s+\d+\s/.exec(ppm.toString('latin1', 0, 64))?.[0]
  if (head === undefined) throw new Error('that is no picture')
  return ppm.subarray(head.length)
}
