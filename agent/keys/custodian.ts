/**
 * Who keeps the root key: a file now; TPM 2.0, PKCS#11 and the owner's own service have the same face.
 * The root never leaves its custodian: others hand it small secrets to wrap and unwrap.
 */

export interface CustodianFacts {
  kind: string
  /** Random uid: stands in every AAD, so that a wrap of one custodian says nothing to another. */
  id: string
  /** Counts root keys; a wrap of an older generation does not unwrap (D10). */
  generation: number
  /** What a shred of it is worth, in words for a receipt. */
  strength: string
}

export interface Wrapper {
  describe(): CustodianFacts
  wrap(plain: Buffer, aad: Buffer): Promise<Buffer>
}

export interface Custodian extends Wrapper {
  /** Refuses what it did not wrap under this AAD and this generation. */
  unwrap(wrapped: Buffer, aad: Buffer): Promise<Buffer>
  /** Makes the root of the next generation beside this one. Nothing changes until `adopt`. */
  succeed(): Promise<Successor>
  /** Ends this root: what it wrapped is unreadable from now on, as far as `strength` goes. */
  destroy(): Promise<void>
}

/** A root that waits: everything is wrapped anew by it, is on disk, and then it takes over in one step. */
export interface Successor extends Wrapper {
  /** The one moment of the change; the old root is destroyed by it. */
  adopt(): Promise<Custodian>
}
