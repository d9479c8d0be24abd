import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

let vendors: Record<string, string> | undefined

/**
 * Whose block a link address lies in, by the register of the IEEE (oui-data). Undefined for addresses that were made up, as
 * telephones and virtual machines do, and for blocks that are not in the register.
 */
export function macVendor(mac: string): string | undefined {
  const digits = mac.replace(/[^0-9A-F]/gi, '').toUpperCase()
  if (digits.length !== 12 || Number.parseInt(digits[1]!, 16) & 2) return undefined
  // Read at the first question: it is large, and most processes never ask.
  vendors ??= JSON.parse(readFileSync(createRequire(import.meta.url).resolve('oui-data'), 'utf8')) as Record<
    string,
    string
  >
  return vendors[digits.slice(0, 6)]?.split('\n', 1)[0]
}
