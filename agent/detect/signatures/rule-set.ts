/** A set of rules made ready to match; immutable once loaded. */
import type { Variables } from './variables.ts'

export interface RuleFile {
  path: string
  text: string
}

export interface Refusal {
  file: string
  /** From 1: the line the rule starts on. */
  line: number
  sid: number | undefined
  keyword: string | undefined
  reason: string
}

export declare class RuleSet {
  static load(
    files: readonly RuleFile[],
    variables?: Variables,
  ): { ruleSet: RuleSet; refused: Refusal[]; loaded: number; total: number }
  readonly generation: number
  readonly size: number
}

/** `picket rules check`: what would load, and why the rest would not. */
export declare function checkRules(
  files: readonly RuleFile[],
  variables?: Variables,
): { total: number; loaded: number; refused: Refusal[] }
