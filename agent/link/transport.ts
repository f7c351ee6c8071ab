/**
 * How summaries come to a receiver and acks go back: the broker in this process, or another one by URL.
 * Both are only transport. What counts is signed, numbered and acknowledged inside the messages.
 */
import type { Topic } from './topics.ts'
import type { TopicsSeen } from './topics-seen.ts'

/** Resolves when the message may be forgotten by whoever brought it; never rejects. */
export type Take = (topic: Topic, payload: Buffer) => Promise<void>

/** PEM. */
export interface Credentials {
  ca: string
  certificate: string
  privateKey: string
}

/** Whose certificates open a connection. */
export interface Memberships {
  /** Appliances of which no membership is left. */
  revoked: readonly string[]
  /** By appliance, microseconds: a certificate that begins before is of an earlier membership. */
  certificatesFrom: ReadonlyMap<string, number>
}

export interface Transport {
  readonly topics: TopicsSeen
  /** To one site's `ack`; dropped when it is not there: the next ack says the same and more. */
  publish(topic: string, payload: Buffer): void
  /** Who is not admitted any more: open connections of theirs end, what waits for them is removed. */
  admit(admission: Memberships): Promise<void>
  /** New certificate; connections that are open stay. */
  renew(credentials: Credentials): void
  close(): Promise<void>
}
