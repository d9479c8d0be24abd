import { writeFileSync } from 'node:fs'
import type { Reporter, SerializedError, TestCase, TestModule, TestRunEndReason } from 'vitest/node'

/** What `npm test` reads back after each part. */
interface PartReport {
  passed: number
  failed: number
  skipped: { name: string; reason: string }[]
}

/** Writes one part's counts, and why tests were skipped, to the file named by WATCHFIRE_TEST_REPORT. */
export default class PartReporter implements Reporter {
  onTestRunEnd(
    modules: ReadonlyArray<TestModule>,
    errors: ReadonlyArray<SerializedError>,
    reason: TestRunEndReason,
  ): void {
    const report: PartReport = { passed: 0, failed: errors.length, skipped: [] }
    for (const module of modules) {
      // A file that could not be collected has no tests, yet it has failed.
      if (module.errors().length > 0) report.failed++
      for (const test of module.children.allTests()) count(test, report)
    }
    if (reason === 'interrupted') report.failed++
    const path = process.env.WATCHFIRE_TEST_REPORT
    if (path) writeFileSync(path, JSON.stringify(report))
  }
}

function count(test: TestCase, report: PartReport): void {
  const result = test.result()
  if (result.state === 'passed') report.passed++
  else if (result.state === 'failed') report.failed++
  // A test that never ran (its file crashed) is no success.
  else if (result.state === 'pending') report.failed++
  else report.skipped.push({ name: test.fullName, reason: result.note ?? '' })
}
