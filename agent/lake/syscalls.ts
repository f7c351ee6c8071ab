/** Numbers of the calls a cell may not make, and of those it confines itself with. From Linux's tables. */

interface Numbers {
  audit: number
  seccomp: number
  landlock: readonly [create: number, addRule: number, restrictSelf: number]
  /** Answered with "no such call", so that libc falls back to one that is looked at. */
  absent: readonly number[]
  /** [number, index of the flags argument] of calls that open files: never for writing. */
  opens: readonly (readonly [number, number])[]
  clone: number
  /** Only to the cell itself. */
  kills: readonly number[]
  denied: readonly number[]
}

export const X64: Numbers = {
  audit: 0xc000_003e,
  seccomp: 317,
  landlock: [444, 445, 446],
  absent: [435, 437], // clone3, openat2
  opens: [
    [2, 1], // open
    [257, 2], // openat
  ],
  clone: 56,
  kills: [62, 234, 200], // kill, tgkill, tkill
  denied: [
    ...[57, 58, 59, 322], // fork, vfork, execve, execveat
    ...[101, 310, 311, 438, 434, 424], // ptrace, process_vm_*, pidfd_*
    ...[41, 42, 43, 49, 50, 53, 288], // socket and its family
    ...[272, 308, 155, 161, 165, 166, 428, 429, 430, 431, 432, 442], // namespaces and mounts
    ...[321, 298, 323, 319, 425, 427], // bpf, perf, userfaultfd, memfd; io_uring: no new ring (libuv polls with its own)
    ...[248, 249, 250, 246, 320, 175, 313, 176, 169, 304], // keyrings, kexec, modules, reboot, handles
    ...[85, 83, 258, 133, 259, 82, 264, 316, 86, 265, 88, 266, 87, 263, 84, 76], // names and truncate
    ...[90, 268, 92, 94, 260, 188, 189, 280, 132, 261], // modes, owners, attributes, times
    ...[91, 93, 190, 77, 285], // the same by descriptor
  ],
}

export const ARM64: Numbers = {
  audit: 0xc000_00b7,
  seccomp: 277,
  landlock: [444, 445, 446],
  absent: [435, 437],
  opens: [[56, 2]],
  clone: 220,
  kills: [129, 131, 130],
  denied: [
    ...[221, 281],
    ...[117, 270, 271, 438, 434, 424],
    ...[198, 203, 202, 200, 201, 199, 242],
    ...[97, 268, 41, 51, 40, 39, 428, 429, 430, 431, 432, 442],
    ...[280, 241, 282, 279, 425, 427],
    ...[217, 218, 219, 104, 294, 105, 273, 106, 142, 265],
    ...[34, 33, 38, 276, 37, 36, 35, 45],
    ...[53, 54, 5, 6, 88],
    ...[52, 55, 7, 46, 47],
  ],
}
