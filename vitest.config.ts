import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const workers = Math.max(1, Math.min(4, availableParallelism()))

/** One project a part of the summary. Parts that start servers run their files one at a time. */
function part(name: string, include: string[], options: { timeoutMs: number; serial?: boolean }) {
  return {
    extends: true as const,
    test: {
      name,
      include,
      exclude: ['**/node_modules/**', '**/dist/**'],
      testTimeout: options.timeoutMs,
      hookTimeout: options.timeoutMs,
      fileParallelism: !options.serial,
    },
  }
}

export default defineConfig({
  test: {
    pool: 'forks',
    setupFiles: ['tests/harness/fixed-seed.ts'],
    maxWorkers: workers,
    projects: [
      part('unit', ['server/src/**/*.test.ts', 'tools/**/*.test.ts', 'web/src/**/*.test.{ts,tsx}'], { timeoutMs: 30_000 }),
      part('golden', ['tests/golden/**/*.test.ts'], { timeoutMs: 120_000, serial: true }),
      part('contract', ['tests/contract/**/*.test.ts'], { timeoutMs: 120_000, serial: true }),
      part('simulation', ['tests/sim/**/*.test.ts'], { timeoutMs: 120_000 }),
      part('fault', ['tests/fault/**/*.test.ts'], { timeoutMs: 180_000, serial: true }),
      part('e2e', ['tests/e2e/**/*.test.ts'], { timeoutMs: 180_000, serial: true }),
    ],
  },
})
