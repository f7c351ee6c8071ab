/** The rules in force on this box: what is loaded, what was refused, how old they are, how often each hit. */
import { Failure } from './base/failure.ts'
import type { RulesView, RuleView } from './control/agent-client.ts'
import type { Admission } from './detect/findings.ts'
import { Thresholds } from './detect/signatures/thresholds.ts'
import type { Inspection } from './inspection.ts'
import { loadRules, newestRuleMs, siteRuleFiles } from './rules-on-disk.ts'

type Loaded = ReturnType<typeof loadRules>

export class Rules implements Admission {
  readonly #data: string
  readonly #home: string[]
  readonly #inspection: Inspection
  readonly #hits = new Map<number, number>()
  #files: string[] = []
  #loaded: Loaded
  readonly #thresholds: Thresholds
  #generation = 1

  constructor(data: string, home: string[], inspection: Inspection) {
    this.#data = data
    this.#home = home
    this.#inspection = inspection
    this.#files = siteRuleFiles(data)
    this.#loaded = loadRules(this.#files, home, inspection)
    this.#thresholds = new Thresholds(this.#loaded.ruleSet)
  }

  get files(): string[] {
    return this.#files
  }

  /** Reads the files again. A file in which nothing loads is refused whole and the old rules stay. */
  reload(): { loaded: number; refused: number; generation: number } {
    const files = siteRuleFiles(this.#data)
    const loaded = loadRules(files, this.#home, this.#inspection)
    if (loaded.loaded === 0)
      throw new Failure('invalid', 'No rule loads from these files; the old rules stay.')
    this.#files = files
    this.#loaded = loaded
    this.#thresholds.swap(loaded.ruleSet)
    this.#generation++
    return { loaded: loaded.loaded, refused: loaded.refused.length, generation: this.#generation }
  }

  admit(sid: number, src: string, dest: string, timeUs: number, flow?: string): boolean {
    const admitted = this.#thresholds.admit(sid, src, dest, timeUs, flow)
    if (admitted) this.#hits.set(sid, (this.#hits.get(sid) ?? 0) + 1)
    return admitted
  }

  get status(): { loaded: number; refused: number; generation: number; ageSeconds: number } {
    const { loaded, refused } = this.#loaded
    return {
      loaded,
      refused: refused.length,
      generation: this.#generation,
      ageSeconds: this.#ageSeconds(),
    }
  }

  view(tenant_id: string): RulesView {
    return {
      tenant_id,
      rules: this.#loaded.ruleSet
        .describe()
        .map((each) => ({ ...each, hits: this.#hits.get(each.sid) ?? 0 }) as RuleView),
      refused: this.#loaded.refused.map(({ file, line, sid, keyword, reason }) => ({
        file,
        line,
        sid: sid ?? 0,
        keyword: keyword ?? '',
        reason,
      })),
      generation: this.#generation,
      ageSeconds: this.#ageSeconds(),
    }
  }

  #ageSeconds(): number {
    return Math.max(0, (Date.now() - newestRuleMs(this.#files)) / 1000)
  }
}
