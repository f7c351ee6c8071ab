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

export interface Transport {
  readonly topics: TopicsSeen
  /** To one site's `ack`; dropped when it is not there: the next ack says the same and more. */
  publish(topic: string, payload: Buffer): void
  /** These may not connect any more; open connections of theirs end, what waits for them is removed. */
  revoke(appliance_ids: readonly string[]): Promise<void>
  /** New certificate; connections that are open stay. */
  renew(credentials: Credentials): void
  close(): Promise<void>
}
