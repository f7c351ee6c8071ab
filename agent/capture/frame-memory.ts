/** Memory for frames that WebAssembly sees too, so that what is asked of every byte of them needs no copy. */

const PAGE_BYTES = 65_536

const memories = new WeakMap<ArrayBufferLike, WebAssembly.Memory>()
/** Each reserves gigabytes of addresses around it, so that who opens one file after another is given one memory. */
const spare: Buffer[] = []
const SPARE_MAX = 4

export function frameMemory(bytes: number): Buffer {
  const found = spare.findIndex(({ length }) => length === bytes)
  if (found >= 0) return spare.splice(found, 1)[0] as Buffer
  const pages = Math.ceil(bytes / PAGE_BYTES)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  memories.set(memory.buffer, memory)
  return Buffer.from(memory.buffer, 0, bytes)
}

/** Nobody looks at its frames any more. */
export function giveBack(memory: Buffer): void {
  if (spare.length < SPARE_MAX) spare.push(memory)
}

/** The memory that these bytes lie in, where it was made here. */
export function memoryOf(bytes: Uint8Array): WebAssembly.Memory | undefined {
  return memories.get(bytes.buffer)
}
