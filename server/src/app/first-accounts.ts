import type { FirstAccount } from '../state/users/bootstrap.ts'

/** What is printed once in the life of an installation; nothing afterwards. */
export function firstAccountLines(accounts: readonly FirstAccount[]): string[] {
  if (accounts.length === 0) return []
  return [
    '',
    '  First accounts, one for each power (三权分立). Each password works once and is not shown again:',
    '',
    ...accounts.map(({ name, oneTimePassword, role }) => `    ${name.padEnd(10)} ${oneTimePassword}    ${role}`),
  ]
}
