/**
 * Every route of this process in one table: who may, and what the audit trail says of it. A route that
 * changes something cannot be written without its line: the type asks for it, and a test compares the
 * table with what the router really serves.
 */
import type { Context } from 'hono'
import type { Atom } from '../../agent/tenancy/role.ts'
import type { Reader, View } from '../base/view.ts'

type Answer = Response | Promise<Response>

export interface AuditLine {
  verb: string
  /** Who writes it, always before the act: picket-keys inside its own call, or the table through `audit`. */
  by: 'keys' | 'table'
}

/** Whose tenants `?scope=` names: this box's own, or the fleet's, whom picket-keys knows by the session. */
type ScopeOf = { scope?: 'fleet' }

/** A page or list. */
export interface ReadRoute extends ScopeOf {
  method: 'GET'
  path: string
  atom: Atom
  handle(c: Context, view: View): Answer
}

/** A form that changes something. */
export interface ActRoute extends ScopeOf {
  method: 'POST'
  path: string
  atom: Atom
  audit: AuditLine
  /** Allowed while the first password is still to be chosen. */
  early?: true
  handle(c: Context, view: View, form: URLSearchParams): Answer
}

/** Before a session: no atom, because there is nobody yet. */
export interface OpenReadRoute {
  method: 'GET'
  path: string
  atom: 'nobody'
  handle(c: Context, reader: Reader): Answer
}

export interface OpenActRoute {
  method: 'POST'
  path: string
  atom: 'nobody'
  audit: AuditLine
  handle(c: Context, reader: Reader, form: URLSearchParams): Answer
}

export type Route = ReadRoute | ActRoute | OpenReadRoute | OpenActRoute
