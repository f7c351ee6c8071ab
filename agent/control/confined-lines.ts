/** What systemd takes from every program of ours; `systemd-analyze security` reads it in `systemd.test.ts`. */
export type Line = readonly [name: string, value: string]

/** No MemoryDenyWriteExecute: V8 and PCRE2 compile at run time. */
export const CONFINED: readonly Line[] = [
  ['NoNewPrivileges', 'yes'],
  ['UMask', '0077'],
  ['ProtectSystem', 'strict'],
  ['ProtectHome', 'yes'],
  ['PrivateTmp', 'yes'],
  ['PrivateDevices', 'yes'],
  ['DevicePolicy', 'closed'],
  ['PrivateMounts', 'yes'],
  ['ProtectKernelTunables', 'yes'],
  ['ProtectKernelModules', 'yes'],
  ['ProtectKernelLogs', 'yes'],
  ['ProtectControlGroups', 'yes'],
  ['ProtectClock', 'yes'],
  ['ProtectHostname', 'yes'],
  ['RestrictNamespaces', 'yes'],
  ['RestrictRealtime', 'yes'],
  ['RestrictSUIDSGID', 'yes'],
  ['LockPersonality', 'yes'],
  ['RemoveIPC', 'yes'],
  ['KeyringMode', 'private'],
  ['LimitCORE', '0'],
  ['MemorySwapMax', '0'],
  ['TasksMax', '128'],
]

export const OFFLINE: readonly Line[] = [['PrivateNetwork', 'yes']]

/** A child speaks with picket-keys over what it was started with; errors of an engine may quote rows, so they go nowhere. */
export const CHILD_LINES: readonly Line[] = [
  ['StandardInput', 'socket'],
  ['StandardOutput', 'socket'],
  ['StandardError', 'null'],
  ['KillSignal', 'SIGKILL'],
  ['SuccessExitStatus', '1 SIGKILL'], // nobody is there any more that it could answer,
  ['OOMScoreAdjust', '500'],
]

/** Landlock and seccomp by name: older systemds have no group for them. */
export function callsAllowed(): Line[] {
  return [
    ['SystemCallArchitectures', 'native'],
    [
      'SystemCallFilter',
      '@system-service seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self',
    ],
    ['SystemCallFilter', '~@privileged @resources'],
    // Of the last: without it no process could forbid its own core dumps.
    ['SystemCallFilter', 'setrlimit'],
    ['SystemCallErrorNumber', 'EPERM'],
  ]
}
