/**
 * What an NVMe drive says of itself: the SMART log page (NVM Express base specification, 5.16.1.3), asked of the driver by one
 * ioctl. That takes CAP_SYS_ADMIN, so one small program of the appliance does it and writes down the answer
 * (`control/read-disks.ts`); everybody else reads that.
 */
import { closeSync, openSync } from 'node:fs'
import koffi from 'koffi'
import * as v from 'valibot'

const PAGE_BYTES = 512
const GET_LOG_PAGE = 0x02
const SMART = 0x02
const EVERY_NAMESPACE = 0xffff_ffff
const ADMIN_COMMAND = 0xc048_4e41 // _IOWR('N', 0x41, struct nvme_admin_cmd)
const COMMAND_BYTES = 72
const ANSWER_MS_MAX = 5_000
const KELVIN = 273
/** A data unit is a thousand of 512 bytes. */
const UNIT_BYTES = 512_000
const WARNINGS = ['spare low', 'too warm', 'unreliable', 'read only', 'backup failed', 'memory read only'] // biome-ignore format: one line

const Count = v.pipe(v.number(), v.minValue(0))
export const DriveHealth = v.strictObject({
  device: v.pipe(v.string(), v.regex(/^nvme\d{1,3}$/)),
  warnings: v.array(v.picklist(WARNINGS)),
  celsius: v.number(),
  /** Of the room kept for worn cells, and where it becomes too little. */
  sparePercent: Count,
  spareThresholdPercent: Count,
  /** Of the promised life; above 100 it goes on without the promise. */
  usedPercent: Count,
  bytesWritten: Count,
  powerOnHours: Count,
  unsafeShutdowns: Count,
  mediaErrors: Count,
  /** Minutes it was too warm, and times it slowed itself for heat. */
  warmMinutes: Count,
  throttled: Count,
})
export type DriveHealth = v.InferOutput<typeof DriveHealth>

export function parseSmart(device: string, page: Buffer): DriveHealth | 'truncated' {
  if (page.length < PAGE_BYTES) return 'truncated'
  const bits = page[0] as number
  return {
    device,
    warnings: WARNINGS.filter((_, i) => (bits & (1 << i)) !== 0),
    celsius: page.readUInt16LE(1) - KELVIN,
    sparePercent: page[3] as number,
    spareThresholdPercent: page[4] as number,
    usedPercent: page[5] as number,
    bytesWritten: wide(page, 48) * UNIT_BYTES,
    powerOnHours: wide(page, 128),
    unsafeShutdowns: wide(page, 144),
    mediaErrors: wide(page, 160),
    warmMinutes: page.readUInt32LE(192) + page.readUInt32LE(196),
    throttled: page.readUInt32LE(216) + page.readUInt32LE(220),
  }
}

/** 128 bits; what JSON can say of them. */
function wide(page: Buffer, at: number): number {
  const value = page.readBigUInt64LE(at) + (page.readBigUInt64LE(at + 8) << 64n)
  return Number(value)
}

/** The page of `/dev/nvme0`, or why there is none. */
export function readSmart(path: string): Buffer | string {
  const ioctl = koffi.load('libc.so.6').func('int ioctl(int fd, unsigned long request, _Inout_ uint8_t *value)') // biome-ignore format: one line
  const page = Buffer.alloc(PAGE_BYTES)
  const command = Buffer.alloc(COMMAND_BYTES)
  command[0] = GET_LOG_PAGE
  command.writeUInt32LE(EVERY_NAMESPACE, 4)
  command.writeBigUInt64LE(koffi.address(page), 24)
  command.writeUInt32LE(PAGE_BYTES, 36)
  command.writeUInt32LE((PAGE_BYTES / 4 - 1) * 0x1_0000 + SMART, 40)
  command.writeUInt32LE(ANSWER_MS_MAX, 64)
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'it cannot be opened'
  }
  try {
    const status = ioctl(fd, ADMIN_COMMAND, command) as number
    if (status < 0) return `the driver refuses (errno ${koffi.errno()})`
    return status === 0 ? page : `the drive refuses (status ${status})`
  } finally {
    closeSync(fd)
  }
}
