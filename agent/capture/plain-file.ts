/** A capture that lies on disk as it is: read straight into the window, without a chunk or a copy between. */
import { type FileHandle, open } from 'node:fs/promises'

/** The file, when it is a regular one and not gzip; whatever else is there is a stream, and says what is wrong itself. */
export async function openPlain(path: string): Promise<FileHandle | undefined> {
  if (path === '-') return undefined
  const file = await open(path).catch(() => undefined)
  if (!file) return undefined
  if ((await file.stat()).isFile() && !(await isGzip(file))) return file
  await file.close()
  return undefined
}

async function isGzip(file: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0)
  return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b
}
