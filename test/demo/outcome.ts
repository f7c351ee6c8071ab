/** What a played story leaves: the JSON that `--json OUT` writes, from the box's own answers. */
import type { Action } from '../../agent/control/guard-client.ts'
import type { Appliance } from './appliance.ts'
import type { Branch } from './branch.ts'
import { type FleetOutcome, fleetOutcome, type SummaryOutcome } from './fleet.ts'

export interface FoundRow {
  rule_id: string
  attack_ids: string[]
  severity: string
  count: number
}

/** Two witnesses of one block: the counter in the kernel, and the program that stopped hearing. */
export interface Proof {
  firstDropAt: string | null
  packets: number
  program: string
  lastHeardAt: string | null
  heardAfterUndo: number
}

export interface Outcome {
  seed: number
  sites: {
    tenant_id: string
    frames: number
    processed: number
    dropped: number
    blindSeconds: number
    findings: FoundRow[]
    actions: {
      kind: string
      target: string
      state: string
      decideToDropMs: number | null
      provenBy: Proof | null
    }[]
    sentence: string
    summaries: SummaryOutcome[]
  }[]
  fleet: FleetOutcome
  lake: {
    tenant_id: string
    rows: number
    tier1Files: number
    tier2Files: number
    oldestRow: string | null
  }[]
}

export const FINDINGS_SQL = `SELECT rule_id, severity, array_to_string(attack_ids, ',') AS attacks, count(*) AS count
  FROM events WHERE kind = 'finding' GROUP BY ALL ORDER BY rule_id, severity`

/** Findings as the lake has them, through a cell, as anybody who may ask gets them. */
export async function findings(appliance: Appliance): Promise<FoundRow[]> {
  const { rows } = await appliance.query(FINDINGS_SQL)
  return rows.map(([rule_id, severity, attacks, count]) => ({
    rule_id: String(rule_id),
    attack_ids: attacks ? String(attacks).split(',') : [],
    severity: String(severity),
    count: Number(count),
  }))
}

/** Of each site what its own processes say, after everything is settled. */
export async function outcome(
  seed: number,
  branches: readonly Branch[],
  { proofs, url }: { proofs: ReadonlyMap<string, Proof>; url: string },
): Promise<Outcome> {
  const [primary] = branches as [Branch]
  const { fleet, summaries } = await fleetOutcome(primary, url)
  const told = await Promise.all(branches.map((branch) => tell(branch, proofs)))
  const sites = told.map(({ site }) => ({
    ...site,
    summaries: summaries.get(site.tenant_id) ?? [],
  }))
  return { seed, sites, fleet, lake: told.map(({ lake }) => lake) }
}

async function tell({ appliance }: Branch, proofs: ReadonlyMap<string, Proof>) {
  const { tenant_id } = appliance
  await appliance.lake((lake) => lake.settle())
  const status = await appliance.status()
  const { tenants } = await appliance.lake((lake) => lake.status())
  const total = { frames: 0, processed: 0, dropped: 0 }
  for (const port of status.capture.interfaces) {
    total.frames += port.frames
    total.processed += port.processed
    total.dropped += port.dropped
  }
  const site = {
    tenant_id,
    ...total,
    blindSeconds: status.blindSeconds,
    findings: await findings(appliance),
    actions: (await appliance.actions()).map((action) => actionRow(action, proofs)),
    sentence: status.sentence,
  }
  const own = tenants.find((each) => each.tenant_id === tenant_id)
  const lake = {
    tenant_id,
    rows: own?.rows ?? 0,
    tier1Files: own?.tier1Files ?? 0,
    tier2Files: own?.tier2Files ?? 0,
    oldestRow: own?.oldestRow ?? null,
  }
  return { site, lake }
}

function actionRow(action: Action, proofs: ReadonlyMap<string, Proof>) {
  return {
    kind: action.kind,
    target: action.target,
    state: action.state,
    decideToDropMs: action.decideToDropMs ?? null,
    provenBy: proofs.get(action.action_id) ?? null,
  }
}
