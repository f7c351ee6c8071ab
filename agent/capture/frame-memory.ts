/** Memory for frames that WebAssembly sees too, so that what is asked of every byte of them needs no copy. */

const PAGE_BYTES = 65_536

const memories = new WeakMap<ArrayBufferLike, WebAssembly.Memory>()

export function frameMemory(bytes: number): Buffer {
  const pages = Math.ceil(bytes / PAGE_BYTES)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  memories.set(memory.buffer, memory)
  return Buffer.from(memory.buffer, 0, bytes)
}

/** The memory that these bytes lie in, where it was made here. */
export function memoryOf(bytes: Uint8Array): WebAssembly.Memory | undefined {
  return memories.get(bytes.buffer)
}
