/** picket-agent: capture, decode, detect. `node agent/main.ts --data DIR [--config FILE]` */
import { parseArgs } from 'node:util'
import { AgentDuty } from './agent-duty.ts'
import { AgentReport, assetView, hostOf } from './agent-report.ts'
import { parsePrefix } from './base/address.ts'
import { systemClock as clock } from './base/clock.ts'
import { loadConfig } from './base/config.ts'
import { Failure } from './base/failure.ts'
import { openLog } from './base/log.ts'
import { Containment } from './containment.ts'
import { type AgentService, Subscribers, serveAgent } from './control/agent-methods.ts'
import { Duty } from './control/duty.ts'
import { GuardClient } from './control/guard-client.ts'
import { keysForAgent } from './control/keys-client.ts'
import { Day } from './day.ts'
import { Baselines } from './detect/baselines/baselines.ts'
import { Findings } from './detect/findings.ts'
import { Assets } from './flow/assets.ts'
import { fewerCollections } from './heap.ts'
import { agentInspection, lookedPast } from './inspection.ts'
import { openJournal, recordingOf } from './journal.ts'
import { machine } from './machine.ts'
import { Model } from './model.ts'
import { Recording } from './recording.ts'
import { Rules } from './rules.ts'
import { RunNotes } from './run-notes.ts'
import { SelfTester } from './self-tester.ts'
import type { FromShard } from './shard-messages.ts'
import { Shards } from './shards.ts'
import { Site } from './site.ts'
import { Tuning } from './tuning.ts'
import { v8ThreadsWait } from './v8-threads.ts'

const TICK_MS = 1000
const SAVE_MS = 30_000

const log = openLog('picket-agent')
const { values } = parseArgs({ options: { data: { type: 'string' }, config: { type: 'string' } } })
const data = values.data ?? process.env.PICKET_DATA ?? '/var/lib/picket'
const config = loadConfig(data, values.config)
const home = config.network.home
const inspection = agentInspection(config.inspection)

interface ServiceParts {
  tenant_id: string
  report: AgentReport
  assets: Assets
  rules: Rules
  shards: Shards
  tester: SelfTester
  day: Day
  tuning: Tuning
  machine: AgentService['machine']
  settingsChanged(): void
}

/** Whatever breaks ends this process; the supervisor starts it anew, and the gap is named. */
function die(reason: string): never {
  log.error({ reason }, 'agent.died')
  process.exit(1)
}

// biome-ignore lint/complexity/noExcessiveLinesPerFunction: long: the one place where the path is wired, in the order a packet takes it
async function main(): Promise<void> {
  const keys = keysForAgent(data)
  const [tenant] = (await keys.tenants()).tenants
  if (!tenant) throw new Failure('not-found', `${data} holds no tenant. Make one with: picket init`)
  const { tenant_id, tenant_uid, fleet_id, appliance_id } = tenant
  const rules = new Rules(data, home, inspection)
  const assets = new Assets()
  const baselines = new Baselines()
  const day = new Day()
  const tuning = new Tuning({ data, tenant_id, tenant_uid, keys, nowUs: () => clock.nowUs(), log })
  await tuning.restore()
  const subscribers = new Subscribers()
  const prefixes = home.map(parsePrefix)
  const journal = await openJournal({
    data,
    tenant,
    keys,
    settleSeconds: config.lake.settleSeconds,
    bytesMax: config.journal.bytes,
    log,
  })
  const site: Site = new Site({
    stamp: { tenant_id, fleet_id, appliance_id },
    clock,
    log,
    baselines,
    assets,
    day,
    findings: new Findings({
      fold: inspection.fold_findings,
      thresholds: rules,
      overrides: () => tuning.overrides,
      hostOf: (...ends) => hostOf(assets, prefixes, ends),
    }),
    append: (rows) => journal.append(rows),
    acknowledged: (rows) => subscribers.rows(rows),
    found: (finding) => containment.found(finding),
    controller: (address) => containment.controller(address),
  })
  const containment = new Containment({
    guard: new GuardClient(data, 'agent'),
    tenant_uid,
    home: prefixes,
    durationMinutes: config.contain.durationMinutes,
    record: (drafts) => site.record(drafts),
    log,
  })
  const model = new Model({ data, tenant_uid, keys, baselines, assets, day, log })
  await model.restore()
  const tester = new SelfTester({
    clock,
    send: () => shards.selfTest(),
    record: (drafts) => site.record(drafts),
  })
  // A shard that is ready speaks at once, while another still begins and what hears it is not there.
  const early: FromShard[] = []
  let isWired = false
  const hear = (message: FromShard): void => {
    if (!isWired) early.push(message)
    else if (message.did === 'batch') site.batch(message)
    else if (message.did === 'self-test-found') tester.found()
    else if (message.did === 'counters') {
      report.shard(message)
      duty.heard(message.shard)
    } else log.info(message, 'shard.said')
  }
  fewerCollections()
  v8ThreadsWait()
  const recording = await Recording.start({ data, tenant, config, keys, log, died: die })
  const shards = await Shards.start(
    {
      ...{
        config: config.capture,
        line: config.network.line,
        home,
        ruleFiles: rules.files,
        inspection,
      },
      selfTestSecret: tester.secret,
      packets: (name, shard) => recording?.outlet(name, shard),
    },
    { message: hear, died: die },
  )
  const duty = new AgentDuty({
    shards: shards.names,
    totals: () => shards.totals(),
    journal: () => journal.status(),
  })
  const notes = new RunNotes(data, shards.began(), clock)
  const report = new AgentReport({
    ...{ tenant, config, clock, shards, rules, day, containment, assets },
    gap: notes.gap,
    selfTest: () => tester.status,
    recording: () => recordingOf(journal.status()),
    counters: () => ({
      ...site.counters,
      ...day.counters,
      ...containment.counters,
      ...numbersOf(journal.status()),
      ...recording?.counters,
    }),
    packetsNotKept: () => recording?.fault,
    tuned: () => tuning.overrides.tuned(clock.nowUs()),
    lookedPast: lookedPast(inspection),
  })
  isWired = true
  for (const message of early.splice(0)) hear(message)
  const service = agentService({
    ...{ tenant_id, report, assets, rules, shards, tester, day, tuning },
    machine: machine({ data, config, steadyMs: () => clock.steadyMs() }),
    settingsChanged: () =>
      log.info({}, 'agent.settings-changed') ??
      setImmediate(() => process.kill(process.pid, 'SIGTERM')),
  })
  const server = await serveAgent(data, service, subscribers, log)
  const timers = [
    setInterval(() => void model.save(), SAVE_MS),
    setInterval(() => void tester.run(), config.health.selfTestMinutes * 60_000),
    setInterval(() => {
      site.tick()
      tester.tick()
      notes.note()
      subscribers.status(report.status())
    }, TICK_MS),
  ]
  containment.start()
  void tester.run()
  log.info(
    { interfaces: config.capture.interfaces, rules: rules.status.loaded, gap: notes.gap },
    'agent.ready',
  )
  const watchdog = Duty.begin({ log, checks: duty.checks })

  onEnd(async () => {
    watchdog.end()
    for (const timer of timers) clearInterval(timer)
    await shards.stop() // first, so that what was seen is whole: processed + dropped = frames
    await recording?.stop()
    site.tick()
    await model.save()
    notes.note()
    log.info({ capture: shards.totals() }, 'agent.ended')
    await journal.close()
    containment.stop()
    await server.close()
  })
}

function agentService({
  tenant_id,
  report,
  assets,
  rules,
  shards,
  tester,
  day,
  tuning,
  machine,
  settingsChanged,
}: ServiceParts): AgentService {
  return {
    settingsChanged,
    machine,
    status: () => report.status(),
    summaryFacts: (window) => day.facts(window),
    assets: () => assets.list().map((asset) => assetView(tenant_id, asset)),
    rules: () => rules.view(tenant_id),
    reloadRules: async () => {
      const answer = rules.reload()
      shards.tell({ do: 'rules', files: rules.files })
      return answer
    },
    tuning: () => ({ tenant_id, overrides: tuning.list() }),
    tune: (override, by) => tuning.add(override, by),
    untune: (override_id) => tuning.remove(override_id),
    selfTest: async () => {
      const { ok, sentence } = await tester.run()
      return { ok: ok === true, sentence }
    },
  }
}

function numbersOf(status: object): Record<string, number> {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => typeof value === 'number'))
}

function onEnd(end: () => Promise<void>): void {
  let ending = false
  const once = () => {
    if (ending) return
    ending = true
    end().then(
      () => process.exit(0),
      (error: unknown) => die(String(error)),
    )
  }
  process.on('SIGTERM', once)
  process.on('SIGINT', once)
}

main().catch((error: unknown) => die(error instanceof Error ? error.message : String(error)))
