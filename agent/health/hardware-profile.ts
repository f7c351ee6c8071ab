/** A profile of `hardware/`: how a machine is known, and what it should have. */
import * as v from 'valibot'
import { Failure } from '../base/failure.ts'
import { brief } from '../base/text.ts'

const PORTS_MAX = 32
const Text = v.pipe(v.string(), v.minLength(1), v.maxLength(400))
/** Letters as they stand, `.*` for anything, `[…]` for one of some: all that the model numbers of a family need. */
const Pattern = v.pipe(v.string(), v.maxLength(100), v.regex(/^[\w ()+,./*[\]-]+$/))

const Schema = v.strictObject({
  name: Text,
  /** Whether it was tried on the machine. */
  state: v.picklist(['measured', 'untested']),
  /** What says so. */
  source: Text,
  dmi: v.strictObject({ vendor: Text, product: Pattern }),
  ports: v.pipe(
    v.array(
      v.strictObject({
        label: Text,
        /** Slot below the host bridge; absent: by its place in the order of slots. */
        pci: v.optional(
          v.pipe(v.string(), v.regex(/^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/)),
        ),
        role: v.picklist(['management', 'capture', 'spare']),
      }),
    ),
    v.maxLength(PORTS_MAX),
  ),
  /** How many disks. */
  nvme: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** Its major version; 0: none. */
  tpm: v.picklist([0, 1, 2]),
  /** What it calls itself; absent: not known. */
  watchdog: v.optional(Text),
  serial: v.optional(v.pipe(v.string(), v.regex(/^tty[A-Za-z]+\d+$/))),
})

export type HardwareProfile = v.InferOutput<typeof Schema>

export function readProfile(text: string, file: string): HardwareProfile {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new Failure('invalid', `${file} is not JSON.`, { file }, error)
  }
  const result = v.safeParse(Schema, value)
  if (result.success) return result.output
  const [issue] = result.issues
  const where = v.getDotPath(issue) ?? 'the file'
  throw new Failure('invalid', `${file}: ${where}: ${brief(issue.message, 200)}.`, { file })
}

/** Whether that is what the machine calls itself. */
export function isProduct(pattern: string, product: string): boolean {
  const source = pattern.replace(/[()+]|\.(?!\*)/g, '\\$&')
  return new RegExp(`^${source}$`).test(product)
}
