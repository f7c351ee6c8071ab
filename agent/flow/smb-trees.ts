/** What is connected and open on one flow of SMB: shares, files, pipes. */
import { looksLikeRpc } from '../decode/dcerpc.ts'
import type { SmbExchange } from '../decode/records-it.ts'
import type { SmbPart } from '../decode/smb.ts'

const TREES_MAX = 64
const OPEN_MAX = 256

export interface SmbOpened {
  name: string
  share: string
  pipe: boolean
}

export class SmbTrees {
  readonly #trees = new Map<string, { share: string; pipe: boolean }>()
  readonly #open = new Map<string, SmbOpened>()
  /** Files without a name of which the first bytes told that they are pipes. */
  readonly #told = new Set<string>()

  get size(): number {
    return this.#trees.size + this.#open.size + this.#told.size
  }

  opened(fileId: string): SmbOpened | undefined {
    return this.#open.get(fileId)
  }

  /** A file of the pipes' share; where that was not seen, one whose first bytes are a call. */
  isPipe(part: SmbPart, fileId: string, data: Buffer): boolean {
    const known = this.#open.get(fileId)?.pipe ?? this.#trees.get(treeKey(part))?.pipe
    if (known !== undefined) return known
    if (this.#told.has(fileId)) return true
    if (looksLikeRpc(data) !== true || this.#told.size >= OPEN_MAX) return false
    this.#told.add(fileId)
    return true
  }

  /** Takes note of what a connect or a create has given, and says which share a file is on. */
  answered(smb: SmbExchange, part: SmbPart): void {
    const key = treeKey(part)
    if (smb.connect) {
      if (part.status === 0 && this.#trees.size < TREES_MAX)
        this.#trees.set(key, { share: smb.share, pipe: isPipeShare(smb) })
      return
    }
    if (smb.filename === '') return
    const tree = this.#trees.get(key)
    if (smb.share === '') smb.share = tree?.share ?? ''
    if (part.fileId === undefined || part.status !== 0 || this.#open.size >= OPEN_MAX) return
    const pipe = tree?.pipe ?? false
    if (tree !== undefined)
      this.#open.set(part.fileId, { name: smb.filename, share: smb.share, pipe })
  }

  close(fileId: string): void {
    this.#open.delete(fileId)
    this.#told.delete(fileId)
  }

  disconnect(part: SmbPart): void {
    this.#trees.delete(treeKey(part))
  }

  clear(): void {
    this.#trees.clear()
    this.#open.clear()
    this.#told.clear()
  }
}

const treeKey = ({ sessionId, treeId }: SmbPart) => `${sessionId} ${treeId}`

/** SMB2 says PIPE, SMB1 IPC. */
function isPipeShare({ service, share }: SmbExchange): boolean {
  return service === 'PIPE' || service === 'IPC' || share.toUpperCase().endsWith('IPC$')
}
