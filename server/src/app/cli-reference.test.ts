import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { cliReference } from './cli-reference.ts'

it('docs/reference/cli.md holds the help texts of the commands as they are (`npm run cli` renews it)', () => {
  const page = readFileSync(new URL('../../../docs/reference/cli.md', import.meta.url), 'utf8')
  expect(page).toBe(cliReference())
})
