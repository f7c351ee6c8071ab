/**
 * The closed list of what the audit trail can say. Each verb has two English forms, and, where a person
 * does it through another process, the atom that the person's role must hold.
 */
import type { Atom } from '../tenancy/role.ts'

interface Verb {
  /** After "asked to": `approve action {subject}`. */
  plan: string
  /** After the actor: `approved action {subject}`. */
  past: string
  /** Set where `audit` of the web may announce it; picket-keys checks the session's role. */
  atom?: Atom
  /** Processes that may announce it themselves. */
  by?: readonly ('guard' | 'lake' | 'link')[]
}

export const VERBS = {
  'audit.opened': { plan: 'open the audit trail', past: 'opened the audit trail' },
  'audit.segment': { plan: 'begin a new file', past: 'began a new file of the audit trail' },
  'audit.torn': {
    plan: 'cut an unfinished line',
    past: 'cut {count} bytes of a line that a crash left unfinished; it was never acknowledged',
  },
  'audit.broken': {
    plan: 'go on after a broken line',
    past: 'found the audit trail changed at {subject} and went on behind it',
  },
  'audit.folded': {
    plan: 'fold repeated refusals',
    past: 'counted {count} further refusals of kind {subject} in one line',
  },
  'clock.back': { plan: 'set the clock back', past: 'saw the clock go back by {count} s' },
  checkpoint: { plan: 'sign a checkpoint', past: 'signed a checkpoint up to line {subject}' },
  'keys.started': { plan: 'start', past: 'started with root generation {count}' },
  'keys.locked': {
    plan: 'open the keys',
    past: 'found the keys of this tenant locked: they do not open',
  },
  'keys.epoch': { plan: 'rotate to a new key epoch', past: 'rotated to key epoch {count}' },
  'keys.root': { plan: 'make a new root key', past: 'made root key generation {count}' },
  'recovery.shown': {
    plan: 'see the recovery key of the disk',
    past: 'saw the recovery key of the disk on the console',
  },
  'box.changed': { plan: 'change the box: {subject}', past: 'changed the box: {subject}' },
  'tenant.added': { plan: 'add the tenant', past: 'added the tenant' },
  'session.login': { plan: 'sign in', past: 'signed in' },
  'session.refused': { plan: 'be let in ({subject})', past: 'was refused: {subject}' },
  'session.logout': { plan: 'sign out', past: 'signed out' },
  'session.code-made': {
    plan: 'make a one-time login',
    past: 'made a one-time login that ends within the hour',
  },
  'session.code-used': { plan: 'use a one-time login', past: 'signed in by a one-time login' },
  'user.added': { plan: 'add account {subject}', past: 'added account {subject}' },
  'user.changed': { plan: 'change account {subject}', past: 'changed account {subject}' },
  'user.removed': { plan: 'remove account {subject}', past: 'removed account {subject}' },
  'user.password': {
    plan: 'set the password of account {subject}',
    past: 'set the password of account {subject}',
  },
  'action.approve': { plan: 'approve action {subject}', past: 'approved action {subject}' },
  'action.reject': { plan: 'reject action {subject}', past: 'rejected action {subject}' },
  'action.undo': { plan: 'undo action {subject}', past: 'undid action {subject}' },
  'action.applied': {
    plan: 'put action {subject} in force',
    past: 'put action {subject} in force',
    by: ['guard'],
  },
  'action.undone': {
    plan: 'take action {subject} back',
    past: 'took action {subject} back',
    by: ['guard'],
  },
  'action.expired': {
    plan: 'end action {subject}',
    past: 'ended action {subject} at its time',
    by: ['guard'],
  },
  'action.refused': {
    plan: 'put action {subject} in force',
    past: 'refused action {subject}',
    by: ['guard'],
  },
  'lake.query': { plan: 'ask the lake a question', past: 'asked the lake a question' },
  'lake.view': { plan: 'look at {subject}', past: 'looked at {subject}' },
  'lake.refused': {
    plan: 'read outside the scope',
    past: 'asked for {count} tenants of which one at least was outside the scope; nothing was read',
  },
  'lake.import': {
    plan: 'import rows',
    past: 'imported {count} rows',
    atom: 'settings',
    by: ['lake'],
  },
  'lake.annex': {
    plan: 'set values of the annex',
    past: 'set {count} values of the annex',
    atom: 'settings',
    by: ['lake'],
  },
  'lake.export': {
    plan: 'export rows',
    past: 'exported {count} rows',
    atom: 'export',
    by: ['lake'],
  },
  'packets.taken': {
    plan: 'take raw frames by {subject}',
    past: 'took {count} raw frames by {subject}',
  },
  'lake.deleted': {
    plan: 'delete what is older than the retention',
    past: 'deleted {count} files older than the retention',
    by: ['lake'],
  },
  'lake.retired': {
    plan: 'delete what is older than its retention',
    past: 'deleted {count} rows by their retention: {subject}',
    by: ['lake'],
  },
  'lake.over-quota': {
    plan: 'delete the oldest rows',
    past: 'deleted {count} rows before their time, as the lake was at its quota: {subject}',
    by: ['lake'],
  },
  'retention.changed': {
    plan: 'change the retention to {subject}',
    past: 'changed the retention to {subject}',
    by: ['lake'],
  },
  'rules.added': { plan: 'add rules {subject}', past: 'added rules {subject}', atom: 'rules' },
  'rules.loaded': { plan: 'load the rules anew', past: 'loaded the rules anew', atom: 'rules' },
  'rules.changed': { plan: 'change rule {subject}', past: 'changed rule {subject}', atom: 'rules' },
  'rules.removed': {
    plan: 'remove rules {subject}',
    past: 'removed rules {subject}',
    atom: 'rules',
  },
  'rules.tuned': { plan: 'tune {subject}', past: 'tuned {subject}', atom: 'rules' },
  'rules.untuned': {
    plan: 'take the override {subject} back',
    past: 'took the override {subject} back',
    atom: 'rules',
  },
  'settings.changed': {
    plan: 'change the setting {subject}',
    past: 'changed the setting {subject}',
    atom: 'settings',
  },
  'health.self-test': { plan: 'run the self-test', past: 'ran the self-test', atom: 'rules' },
  'never-block.changed': {
    plan: 'change the never-block list',
    past: 'changed the never-block list to {count} entries',
    atom: 'settings',
  },
  'fleet.on': { plan: 'turn Fleet Command on', past: 'turned Fleet Command on' },
  'fleet.off': { plan: 'turn Fleet Command off', past: 'turned Fleet Command off' },
  'fleet.claim': {
    plan: 'make a claim for {subject}',
    past: 'made a claim for {subject} that ends within ten minutes',
  },
  'fleet.joined': { plan: 'take {subject} into the fleet', past: 'took {subject} into the fleet' },
  'fleet.renewed': {
    plan: 'renew the certificate of {subject}',
    past: 'renewed the certificate of {subject}',
  },
  'fleet.served': {
    plan: 'make a new server certificate',
    past: 'made a new server certificate for the names of this box',
  },
  'fleet.left': {
    plan: 'let {subject} leave the fleet',
    past: 'let {subject} leave the fleet as it asked',
  },
  'fleet.revoked': {
    plan: 'revoke {subject}',
    past: 'revoked {subject} in the fleet',
  },
  'fleet.request': {
    plan: 'ask to join a fleet',
    past: 'made a request to join a fleet',
  },
  'uplink.added': { plan: 'add the uplink to {subject}', past: 'added the uplink to {subject}' },
  'uplink.renewed': {
    plan: 'take the new certificate for the uplink to {subject}',
    past: 'took the new certificate for the uplink to {subject}',
  },
  'uplink.removed': {
    plan: 'remove the uplink to {subject}',
    past: 'removed the uplink to {subject}',
  },
  'summary.rejected': {
    plan: 'take a summary of {subject}',
    past: 'turned away messages about {subject}: {count}',
    by: ['link'],
  },
  'summary.forked': {
    plan: 'take a summary of {subject}',
    past: 'found summaries of {subject} that contradict others: {count}',
    by: ['link'],
  },
  'summary.fell': {
    plan: 'compare the anchors of {subject}',
    past: 'saw anchors of {subject} fall: {count}',
    by: ['link'],
  },
} as const satisfies Record<string, Verb>

export type VerbName = keyof typeof VERBS
export type Outcome = 'intent' | 'done' | 'failed' | 'refused'

export function verbOf(name: string): Verb | undefined {
  return Object.hasOwn(VERBS, name) ? VERBS[name as VerbName] : undefined
}

/** What a person would say: "Anna asked to approve action 7c…", "Anna approved action 7c…". */
export function sentenceOf(line: {
  verb: string
  outcome: Outcome
  actor: string
  subject: string
  count?: number | undefined
}): string {
  const verb = verbOf(line.verb) ?? { plan: line.verb, past: line.verb }
  const fill = (form: string) =>
    form.replace('{subject}', () => line.subject).replace('{count}', () => String(line.count ?? 0))
  if (line.outcome === 'done') return `${line.actor} ${fill(verb.past)}.`
  const plan = `${line.actor} asked to ${fill(verb.plan)}`
  if (line.outcome === 'failed') return `${plan}; it failed.`
  return line.outcome === 'refused' ? `${plan}; it was refused.` : `${plan}.`
}
