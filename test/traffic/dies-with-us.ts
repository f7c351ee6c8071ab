/** Words before a program's own: it ends with whoever starts it. A test that ran out of time closes nothing, and a box lives for ever. */
export const DIES_WITH_US = ['setpriv', '--pdeathsig', 'KILL', '--'] as const
