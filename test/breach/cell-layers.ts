/** The layers around a question and around a cell, each with what shows that it was the one. */
import { spawnSync } from 'node:child_process'
import koffi from 'koffi'
import { noNetwork } from '../../agent/lake/confined-child.ts'
import { ARM64, X64 } from '../../agent/lake/syscalls.ts'
import type { Layer } from './attempt.ts'

const LANDLOCK_VERSION = 1
const LANDLOCK_TCP = 4
const LANDLOCK_SCOPES = 6

const numbers = process.arch === 'arm64' ? ARM64 : X64
const syscall = koffi
  .load('libc.so.6')
  .func('long syscall(long nr, const void *attr, size_t size, uint flags)')
/** Of this kernel; below 1 there is none. */
const landlockAbi = Number(syscall(numbers.landlock[0], null, 0, LANDLOCK_VERSION))

const landlock = (from: number): Layer => ({
  name: 'Landlock',
  shows: /EACCES|EPERM|Permission denied|Cannot open file|No files found/,
  missing: landlockAbi >= from ? undefined : `This kernel has no Landlock of version ${from}.`,
})

export const GUARD: Layer = {
  name: 'the guard of SQL',
  shows: /refused: |invalid: This is no SQL/,
}
export const ONE_SELECT: Layer = {
  name: 'one SELECT a question',
  shows: /Only one statement can be asked|Only SELECT can be asked/,
}
export const LOCK: Layer = {
  name: 'the locked engine',
  shows:
    /disabled by configuration|has been locked|Permission Error|Table with name \S*\/\S* does not exist/,
}
export const LANDLOCK = landlock(1)
export const LANDLOCK_NET = landlock(LANDLOCK_TCP)
export const LANDLOCK_SCOPE = landlock(LANDLOCK_SCOPES)
export const SECCOMP: Layer = {
  name: 'the filter of system calls',
  shows: /EPERM|EACCES|Permission denied|Cannot open/,
}
export const NETWORK: Layer = {
  name: 'an empty network',
  shows: /ENETUNREACH|ECONNREFUSED|EINVAL|EADDRNOTAVAIL/,
  missing: noNetwork().length > 0 ? undefined : 'This machine does not give a process a network of its own.', // biome-ignore format: one line
}
/** What is not in the process cannot be asked: the answer is there, and empty of it. */
export const SCOPE: Layer = {
  name: 'the keys and files of its scope alone',
  shows: /"(columns|rows)":|encrypt|Catalog Error|no key/i,
}
export const VIEW: Layer = {
  name: 'a view of named columns',
  shows: /Binder Error|"columns":/,
}
export const BOUND: Layer = { name: 'the bound of an answer', shows: /"truncated":true/ }
export const FRESH: Layer = { name: 'a fresh cell a question', shows: /"rows":/ }
export const WATCH: Layer = {
  name: 'the watch over memory and time',
  shows: /too-many: The question/,
}

/** Programs that only an attempt needs. */
export function lacksProgram(name: string): string | undefined {
  return spawnSync('which', [name]).status === 0 ? undefined : `This machine has no ${name}.`
}

export const lacksRoot =
  process.getuid?.() === 0 ? undefined : 'It takes root to set this up on this machine.'

export const HIDDEN: Layer = {
  name: 'no core and no tracer (hide)',
  shows: /no core/,
}
export const ENVIRONMENT: Layer = { name: 'an environment of its own', shows: /"environment":/ }
export const NO_DESCRIPTORS: Layer = { name: 'two pipes and nothing else', shows: /"open":\[\]/ }
export const NO_SIGUSR1: Layer = {
  name: 'no debugger by signal',
  shows: /what the cell says: none/,
}
