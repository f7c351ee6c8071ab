import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openFile } from '../../agent/capture/file.ts'
import { INSPECTION } from '../../agent/inspection.ts'
import { Replay } from '../../agent/replay.ts'
import { capture } from './mix/main.ts'

const folder = mkdtempSync(join(tmpdir(), 'picket-mix-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const RULES = join(folder, 'few.rules')
writeFileSync(
  RULES,
  `alert dns any any -> any any (msg:"a"; dns.query; content:"evil-name.example"; sid:1;)
alert http $HOME_NET any -> any any (msg:"b"; http.method; content:"POST"; http.uri; content:"/gate.php"; http.user_agent; content:"Bad Agent"; sid:2;)
alert tcp any any -> $HOME_NET 7777 (msg:"c"; flow:to_server; content:"|00 01 02|knock"; sid:3;)
alert http any any -> $HOME_NET any (msg:"d"; flow:to_client; file_data; content:"<script>evil()"; sid:4;)
alert tls any any -> any any (msg:"e"; tls.sni; content:"bad.example"; sid:5;)
`,
)

async function replayed(path: string) {
  const kinds = new Map<string, number>()
  const replay = new Replay({
    ruleFiles: [RULES],
    baselines: false,
    home: ['10.0.0.0/8', 'fc00::/7'],
    inspection: { ...INSPECTION, checksum: 'auto', midstream: false, fold_findings: false },
    onRow: ({ kind }) => void kinds.set(kind, (kinds.get(kind) ?? 0) + 1),
  })
  await replay.read(openFile(path))
  return { ...replay.end(), kinds }
}

test('a mix is whole streams of every protocol, with checksums, in which rules find what was put there', async () => {
  const made = capture({ folder, kind: 'mix', seed: 3, packets: 40_000, ruleFiles: [RULES] })
  const seen = await replayed(made.path)
  expect(seen).toMatchObject({ packets: made.packets, bytes: made.bytes, dropped: 0, faults: {} })
  expect(seen.flows).toBe(made.talks)
  const { kinds } = seen
  for (const kind of ['http', 'tls', 'dns', 'smb', 'ssh', 'ot'])
    expect(kinds.get(kind) ?? 0, kind).toBeGreaterThan(0)
  expect(seen.findings.map(({ rule_id }) => rule_id)).toEqual(['sid:1', 'sid:2', 'sid:3', 'sid:4', 'sid:5']) // biome-ignore format: one list
  const hits = seen.findings.reduce((sum, { count }) => sum + count, 0)
  expect(hits).toBeGreaterThanOrEqual(made.ruled)
})

test('the same seed makes the same bytes, and what is there is taken as it is', () => {
  const asked = { kind: 'small', seed: 4, packets: 5000, ruleFiles: [] } as const
  const first = capture({ folder, ...asked })
  const other = capture({ folder: join(folder, 'again'), ...asked })
  expect(readFileSync(other.path).equals(readFileSync(first.path))).toBe(true)
  expect(first.bytes / first.packets).toBeLessThan(128)
  writeFileSync(first.path, 'kept')
  expect(capture({ folder, ...asked })).toEqual(first)
  expect(readFileSync(first.path, 'utf8')).toBe('kept')
})
