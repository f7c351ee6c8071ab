import pino from 'pino'

/** One JSON object a line on stderr: `log.warn({ iface, fault }, 'capture.refused')`. */
export interface Log {
  debug(about: object, event: string): void
  info(about: object, event: string): void
  warn(about: object, event: string): void
  error(about: object, event: string): void
  child(bindings: object): Log
}

/** The log of one process. PICKET_LOG sets the level (default `info`). */
export function openLog(process_: string): Log {
  return pino(
    {
      base: { process: process_, pid: process.pid },
      level: process.env.PICKET_LOG ?? 'info',
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  )
}

/** For tests and one-shot commands that have nothing to say. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
}
