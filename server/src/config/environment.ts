/** The environment of the process; the only place that looks at it. */
export function readEnvironment(): Record<string, string | undefined> {
  return process.env
}
