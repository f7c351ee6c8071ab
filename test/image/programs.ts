/** What a boot needs of this machine: QEMU, its firmware and a TPM. Found once; what is missing is said. */
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A pair: code that is never written, and the variables that each machine has a copy of. */
export interface Firmware {
  code: string
  vars: string
}

const FIRMWARE_IN = ['/usr/share/OVMF', '/usr/share/edk2/x64', '/usr/share/qemu']
const ALSO_IN = ['/usr/sbin', '/sbin', '/usr/bin']
/** mcopy is for the FAT of the ESP. */
const NEEDED = ['qemu-system-x86_64', 'qemu-img', 'swtpm', 'mcopy'] as const

export function findFirmware(): Firmware | undefined {
  for (const folder of FIRMWARE_IN) {
    const code = join(folder, 'OVMF_CODE_4M.fd')
    const vars = join(folder, 'OVMF_VARS_4M.fd')
    if (existsSync(code) && existsSync(vars)) return { code, vars }
  }
  return undefined
}

export function find(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...ALSO_IN]
  return folders.map((folder) => join(folder, program)).find(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The names of what is not here; empty where a machine can be booted. */
export function missing(): string[] {
  const names: string[] = NEEDED.filter((program) => !find(program))
  if (!findFirmware()) names.push('OVMF_CODE_4M.fd')
  return names
}
