/** `config.json` in the data folder: one schema, defaults in it, unknown keys refused. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { Failure } from './failure.ts'
import { parseSettings } from './json-settings.ts'
import { brief } from './text.ts'

/** Of what the file says, quoted in a refusal. */
const NAMED_CHARS_MAX = 200

/** A port as the kernel names it. */
const Interface = v.pipe(v.string(), v.regex(/^[\w.@-]{1,15}$/))
const Cidr = v.pipe(v.string(), v.maxLength(64))
const Port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535))

/** Four segments of the smallest size. */
export const RING_BYTES_MIN = 8 << 20

const Schema = v.strictObject({
  /** What people call the site; the slug of the first tenant when absent. */
  siteName: v.optional(v.pipe(v.string(), v.maxLength(64))),
  capture: v.optional(
    v.strictObject({
      /** Interfaces to capture on. Empty: nothing is captured and the site says it is blind. */
      interfaces: v.optional(v.pipe(v.array(Interface), v.maxLength(16)), []),
      /** Shard workers per interface (PACKET_FANOUT_HASH). */
      shards: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16)), 1),
      ringMiB: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1024)), 64),
    }),
    {},
  ),
  network: v.optional(
    v.strictObject({
      home: v.optional(v.array(Cidr), [
        '10.0.0.0/8',
        '172.16.0.0/12',
        '192.168.0.0/16',
        'fc00::/7',
      ]),
      /** The port with the box's own address; on an appliance the others carry none. Absent: any that is not captured. */
      management: v.optional(Interface),
      /** On an appliance: two ports that are one wire, with the box in it. */
      line: v.optional(
        v.pipe(
          v.strictTuple([Interface, Interface]),
          v.check(([a, b]) => a !== b, 'two different ports'),
        ),
      ),
      /** Where the box sits: decides what it can enforce. */
      placement: v.optional(v.picklist(['gateway', 'bridge', 'tap']), 'tap'),
    }),
    {},
  ),
  /** How traffic is inspected, under Suricata's names (agent/inspection.ts, which checks them). */
  inspection: v.optional(v.record(v.string(), v.unknown()), {}),
  contain: v.optional(
    v.strictObject({
      policy: v.optional(v.picklist(['propose', 'automatic']), 'propose'),
      neverBlock: v.optional(v.array(Cidr), []),
      durationMinutes: v.optional(
        v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_080)),
        240,
      ),
      additionsPerMinute: v.optional(
        v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100)),
        10,
      ),
      liveMax: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096)), 256),
    }),
    {},
  ),
  health: v.optional(
    v.strictObject({
      blindAfterSeconds: v.optional(v.pipe(v.number(), v.minValue(1)), 60),
      rulesStaleDays: v.optional(v.pipe(v.number(), v.minValue(1)), 30),
      selfTestMinutes: v.optional(v.pipe(v.number(), v.minValue(0.05)), 60),
    }),
    {},
  ),
  lake: v.optional(
    v.strictObject({
      /** A journal segment is closed and settled at this age, so that queries see it. */
      settleSeconds: v.optional(v.pipe(v.number(), v.minValue(0.2), v.maxValue(300)), 2),
      /** Tier-1 files that wait before they are compacted into one of tier 2. */
      compactFiles: v.optional(
        v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(1000)),
        32,
      ),
      retentionDays: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 180),
      /** Of one tenant's lake; 0: a fair part of the disk. At it the oldest files are retired. */
      bytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
    }),
    {},
  ),
  journal: v.optional(
    v.strictObject({
      /** Rows that wait for the lake; at it new ones are refused and counted. */
      bytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(16 << 20)), 2 ** 31),
    }),
    {},
  ),
  ring: v.optional(
    v.strictObject({
      /** Raw frames that are kept, encrypted: at most so many bytes of disk; 0 keeps none. */
      bytes: v.optional(
        v.pipe(
          v.number(),
          v.integer(),
          v.check(
            (bytes) => bytes === 0 || bytes >= RING_BYTES_MIN,
            `0 for none, else ${RING_BYTES_MIN} at least`,
          ),
          v.maxValue(2 ** 44),
        ),
        512 << 20,
      ),
    }),
    {},
  ),
  summary: v.optional(
    v.strictObject({
      /** One signed summary a window of this length. */
      periodSeconds: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(3600)), 300),
    }),
    {},
  ),
  fleet: v.optional(
    v.strictObject({
      /** Where a primary's broker and door listen. */
      host: v.optional(v.string(), '0.0.0.0'),
      /** What branches are told to connect to; the host above where it is absent. */
      announce: v.optional(v.pipe(v.string(), v.maxLength(253))),
      mqttPort: v.optional(Port, 8883),
      doorPort: v.optional(Port, 8884),
      /** Another MQTT 3.1.1 broker (mqtts://…) in place of the embedded one. */
      broker: v.optional(v.pipe(v.string(), v.maxLength(253), v.startsWith('mqtts://'))),
    }),
    {},
  ),
  web: v.optional(
    v.strictObject({
      host: v.optional(v.string(), '127.0.0.1'),
      port: v.optional(Port, 8443),
      /** With a certificate of its own (`<data>/web`); else TLS has to stand in front of it, but on loopback. */
      https: v.optional(v.boolean(), false),
    }),
    {},
  ),
})

export type Config = v.InferOutput<typeof Schema>

/** The effective configuration of a data folder: `given`, else `<data>/config.json`, else all defaults. */
export function loadConfig(data: string, given?: string): Config {
  const file = given ?? join(data, 'config.json')
  let text = '{}'
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    // A file that was named and is not there must not mean "all defaults".
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || given !== undefined)
      throw new Failure('invalid', `The configuration ${file} cannot be read.`, { file }, error)
  }
  return parseConfig(text, file)
}

export function parseConfig(text: string, file: string): Config {
  const value = parseSettings(text, file)
  const result = v.safeParse(Schema, value)
  if (result.success) return result.output
  const issue = result.issues[0]
  const where = brief(v.getDotPath(issue) ?? 'the file', NAMED_CHARS_MAX)
  if (issue.type === 'strict_object' && issue.expected === 'never')
    throw new Failure('invalid', `${file}: there is no setting ${where}.`, { file })
  throw new Failure('invalid', `${file}: ${where}: ${brief(issue.message, NAMED_CHARS_MAX)}.`, {
    file,
  })
}
