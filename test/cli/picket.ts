/** The command line as a person uses it: the real program, its exit code and what it printed. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../agent/cli.ts', import.meta.url))
const MS_MAX = 60_000

export interface Said {
  code: number | null
  out: string
  err: string
}

/** `picket ARGS`, with `stdin` as standard input. */
export function picket(args: readonly string[], stdin: Uint8Array | string = ''): Promise<Said> {
  const env: NodeJS.ProcessEnv = { ...process.env, NODE_OPTIONS: '' }
  delete env.PICKET_DATA
  const child = spawn(process.execPath, [CLI, ...args], { env, timeout: MS_MAX })
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  child.stdin.on('error', () => {}) // it may end before it has read all
  child.stdin.end(stdin)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) =>
      resolve({ code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }),
    )
  })
}
