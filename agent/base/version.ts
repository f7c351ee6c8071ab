/** What this box runs. */
export const VERSION = '0.1.0'
