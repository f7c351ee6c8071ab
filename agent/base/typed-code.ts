/** Codes that people read from one screen and type at another. */
import { randomInt } from 'node:crypto'

/** Crockford's base 32: no I, L, O, U. */
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LENGTH = 12
const CODE = /^[0-9A-HJKMNP-TV-Z]{12}$/

/** 60 random bits: `7QK2-M0XV-9RTD`. */
export function newTypedCode(): string {
  const letters = Array.from({ length: LENGTH }, () => LETTERS[randomInt(LETTERS.length)])
  return letters.join('').replace(/(.{4})(?=.)/g, '$1-')
}

/** As typed by people: any case, spaces and hyphens anywhere, O for 0, I and L for 1. Nothing for what is no such code. */
export function readTypedCode(typed: string): string | undefined {
  const code = typed.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1')
  return CODE.test(code) ? code : undefined
}
