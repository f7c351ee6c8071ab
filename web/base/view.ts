import type { Asker, SessionView, SiteStatus } from './ports.ts'
import type { Zone } from './zone.ts'

export const THEMES = ['auto', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

/** What a page knows of its reader before it knows its subject. */
export interface Reader {
  zone: Zone
  theme: Theme
  /** Whether the script has told the reader's zone yet. */
  zoneKnown: boolean
}

/** A reader who is signed in, on one page. */
export interface View extends Reader {
  session: SessionView
  asker: Asker
  csrf: string
  /** Path and query of this page: where a form comes back to. */
  here: string
  /** The site at this moment, where the session may see it and the agent has been heard. */
  status: SiteStatus | undefined
  /** Whether this box is Fleet Command too: then its pages can be reached from each. */
  fleet: boolean
  /** tenant_ids of the fleet that the request named, still to be held against what the session sees. */
  named: readonly string[]
  /** Ids of the actions that were just decided: shown as a toast with Undo. */
  said: readonly string[]
}
