import { type Logger, pino } from 'pino'
import type { Config } from '../config/config.ts'

/** The program's log: JSON lines on standard error, so that standard output stays for people and pipes. */
export function createLogger(config: Pick<Config, 'logLevel'>, name: string): Logger {
  return pino(
    {
      level: config.logLevel,
      name,
      redact: { paths: ['*.password', '*.token', '*.secret', 'req.headers.authorization', 'req.headers.cookie'] },
    },
    pino.destination({ dest: 2, sync: false }),
  )
}
