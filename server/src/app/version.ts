import { readFileSync } from 'node:fs'

/** Version of this installation, as in package.json. */
export const programVersion = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version
