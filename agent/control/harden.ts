/** What a process that holds keys does first: its memory must not reach a disk or another process of its user. */
import koffi from 'koffi'
import { Failure } from '../base/failure.ts'

const RLIMIT_CORE = 4
const PR_SET_DUMPABLE = 4

/** No core file, no ptrace by others of the same uid, files readable by their owner alone. */
export function hardenProcess(): void {
  process.umask(0o077)
  const libc = koffi.load('libc.so.6')
  const setrlimit = libc.func('int setrlimit(int resource, const uint64_t *limit)')
  const prctl = libc.func(
    'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
  )
  const limit = new BigUint64Array([0n, 0n])
  if (setrlimit(RLIMIT_CORE, limit) !== 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) !== 0)
    throw new Failure('internal', 'This process could not forbid dumps of its memory.')
}
