import { writeFileSync } from 'node:fs'
import type { Reporter, SerializedError, TestCase, TestModule, TestRunEndReason } from 'vitest/node'

/** What `npm test` reads back after each part. */
interface PartReport {
  passed: number
  failed: number
  /** Each failed test with the first line of what it said. */
  failures: { name: string; message: string }[]
  skipped: { name: string; reason: string }[]
  /** Whole seconds of each file, the slowest first: where to look when the suite grows too long. */
  files: Record<string, number>
}

/** Writes one part's counts, and why tests were skipped, to the file named by WATCHFIRE_TEST_REPORT. */
export default class PartReporter implements Reporter {
  onTestRunEnd(
    modules: ReadonlyArray<TestModule>,
    errors: ReadonlyArray<SerializedError>,
    reason: TestRunEndReason,
  ): void {
    const report: PartReport = { passed: 0, failed: 0, failures: [], skipped: [], files: filesOf(modules) }
    const fail = (name: string, message = '') => {
      report.failed++
      report.failures.push({ name, message: message.split('\n', 1)[0]!.slice(0, 300) })
    }
    for (const error of errors) fail('outside the tests', error.message)
    for (const module of modules) {
      // A file that could not be collected has no tests, yet it has failed.
      if (module.errors().length > 0) fail(module.relativeModuleId, module.errors()[0]?.message)
      for (const test of module.children.allTests()) count(test, report, fail)
    }
    if (reason === 'interrupted') fail('the run', 'interrupted')
    const path = process.env.WATCHFIRE_TEST_REPORT
    if (path) writeFileSync(path, JSON.stringify(report))
  }
}

function filesOf(modules: ReadonlyArray<TestModule>): Record<string, number> {
  const files = modules.map((module) => {
    const { collectDuration, duration } = module.diagnostic()
    return [module.relativeModuleId, Math.round((collectDuration + duration) / 1000)] as const
  })
  return Object.fromEntries(files.sort((a, b) => b[1] - a[1]))
}

function count(test: TestCase, report: PartReport, fail: (name: string, message?: string) => void): void {
  const result = test.result()
  const name = `${test.module.relativeModuleId} > ${test.fullName}`
  if (result.state === 'passed') report.passed++
  else if (result.state === 'failed') fail(name, result.errors[0]?.message)
  // A test that never ran (its file crashed) is no success.
  else if (result.state === 'pending') fail(name, 'it never ran')
  else report.skipped.push({ name: test.fullName, reason: result.note ?? '' })
}
