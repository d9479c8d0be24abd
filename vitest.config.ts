import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const workers = Math.max(1, Math.min(4, availableParallelism()))

/**
 * One project a part of the summary. `atOnce` files run beside each other: as many as there are processors where they
 * compute, one where each keeps servers busy, two where they wait. No file shares a folder or a port with another.
 */
function part(name: string, include: string[], options: { timeoutMs: number; atOnce: number }, groupOrder: number) {
  return {
    extends: true as const,
    test: {
      name,
      include,
      exclude: ['**/node_modules/**', '**/dist/**'],
      testTimeout: options.timeoutMs,
      hookTimeout: options.timeoutMs,
      maxWorkers: options.atOnce,
      // Parts that run in one call run one after the other.
      sequence: { groupOrder },
    },
  }
}

const units = ['server/src/**/*.test.ts', 'tools/**/*.test.ts', 'web/src/**/*.test.{ts,tsx}']
const parts = [
  part('unit', units, { timeoutMs: 60_000, atOnce: workers }, 1),
  part('golden', ['tests/golden/**/*.test.ts'], { timeoutMs: 240_000, atOnce: 1 }, 2),
  part('contract', ['tests/contract/**/*.test.ts'], { timeoutMs: 240_000, atOnce: 1 }, 3),
  part('simulation', ['tests/sim/**/*.test.ts'], { timeoutMs: 240_000, atOnce: workers }, 4),
  part('fault', ['tests/fault/**/*.test.ts'], { timeoutMs: 240_000, atOnce: 2 }, 5),
  part('e2e', ['tests/e2e/**/*.test.ts'], { timeoutMs: 240_000, atOnce: 2 }, 6),
]

export default defineConfig({
  test: {
    pool: 'forks',
    // What a test waits for comes when it comes; only what never comes fails.
    expect: { poll: { timeout: 25_000, interval: 50 } },
    setupFiles: ['tests/harness/fixed-seed.ts'],
    projects: parts,
  },
})
