import { hash, verify } from '@node-rs/argon2'
import { CodedError } from '../../event/errors.ts'
import { Gate } from '../../lib/gate.ts'
import type { Clock } from '../../seams/clock/clock.ts'

/** argon2id with the first parameters of the OWASP password storage cheat sheet: 19 MiB, two passes, one lane. */
const options = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** Hashing takes tens of milliseconds of a core: more at once would starve everything else, more waiting would be a way to do so. */
const hashing = new Gate(2, 128)

/** The argon2id hash in PHC form. Throws RATE_LIMITED when too many are under way. */
export function hashPassword(password: string): Promise<string> {
  return admitted(() => hash(password.normalize('NFKC'), options))
}

/**
 * Whether the password is the one of the hash. Without a hash (no such user) it takes as long and answers false.
 * Throws RATE_LIMITED when too many are under way.
 */
export async function verifyPassword(passwordHash: string | undefined, password: string): Promise<boolean> {
  const known = passwordHash ?? (await nobodysHash())
  const matches = await admitted(() => verify(known, password.normalize('NFKC')))
  return matches && passwordHash !== undefined
}

let nobody: Promise<string> | undefined

function nobodysHash(): Promise<string> {
  nobody ??= hash('nobody has this password', options)
  return nobody
}

function admitted<Result>(work: () => Promise<Result>): Promise<Result> {
  const admission = hashing.run(work)
  if (!admission)
    throw new CodedError('RATE_LIMITED', 'Too many people are signing in at this moment', { retryAfterMs: 2_000 })
  return admission
}

/** Without letters and digits that are read as each other. */
const alphabet = 'abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'

/** A random password of four groups of five characters (116 bits), to be told once and changed at first sign-in. */
export function oneTimePassword(clock: Clock): string {
  const characters: string[] = []
  while (characters.length < 20) {
    for (const byte of clock.random(32)) {
      // Bytes past the last whole multiple are thrown away, so that every character is equally likely.
      if (byte < 256 - (256 % alphabet.length) && characters.length < 20)
        characters.push(alphabet[byte % alphabet.length]!)
    }
  }
  return characters.join('').replace(/(.{5})(?!$)/g, '$1-')
}

const lengthMin = 12
const lengthMax = 128
const distinctMin = 5

/** Words that passwords are made of when nothing better comes to mind; compared after undoing digits-for-letters. */
// biome-ignore format: a table reads better dense
const commonWords = [
  'password', 'passwort', 'passwd', 'passw', 'admin', 'administrator', 'root', 'superuser', 'security', 'auditor', 'operator', 'manager',
  'guest', 'user', 'test', 'demo', 'default', 'changeme', 'change', 'welcome', 'letmein', 'login', 'secret', 'master', 'system',
  'server', 'service', 'oracle', 'mysql', 'postgres', 'cisco', 'huawei', 'h3c', 'venus', 'qianxin', 'sangfor', 'nsfocus', 'topsec', 'hillstone',
  'watchfire', 'fenghuo', 'fengsui', 'soc', 'siem', 'iloveyou', 'woaini', 'monkey', 'dragon', 'sunshine', 'princess', 'football', 'baseball', 'superman',
  'batman', 'shadow', 'michael', 'jordan', 'hello', 'china', 'zhongguo', 'beijing', 'shanghai', 'guangzhou', 'shenzhen', 'zhengfu', 'gov',
  'government', 'qwerty', 'qwertyuiop', 'asdfgh', 'asdfghjkl', 'zxcvbn', 'zxcvbnm', 'qazwsx', 'qazwsxedc', 'onetwothree', 'mima', 'abc', 'aini', 'wo', 'the', 'my', 'is', 'for',
]

const walks = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890123456789',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  '!@#$%^&*()_+',
]

const lookalikes: Record<string, string> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
}

/**
 * Throws PASSWORD_WEAK with `detail.rule` (`length`, `user_name`, `common`, `repeated`) when a password must not be taken:
 * under 12 characters, holding the user name, made of common words, keyboard walks and digits, or of too few characters.
 */
export function requireStrongPassword(password: string, userName: string): void {
  const plain = password.normalize('NFKC')
  const length = [...plain].length
  if (length < lengthMin || length > lengthMax) {
    throw weak('length', `A password has ${lengthMin} to ${lengthMax} characters`)
  }
  const lower = plain.toLowerCase()
  const reversedName = [...userName].reverse().join('')
  if (userName.length >= 3 && (lower.includes(userName) || lower.includes(reversedName))) {
    throw weak('user_name', 'A password does not hold the user name')
  }
  if (new Set(lower).size < distinctMin)
    throw weak('repeated', `A password has at least ${distinctMin} different characters`)
  if (inventedLength(lower) < 4)
    throw weak('common', 'The password is made of words, keys in a row or digits that are tried first')
}

function weak(rule: string, message: string): CodedError {
  return new CodedError('PASSWORD_WEAK', message, { rule })
}

/** How many letters remain once common words, walks over the keyboard, digits and punctuation are taken out, either way of reading lookalikes. */
function inventedLength(lower: string): number {
  const spelled = lower.replace(/[013457@$!]/g, (character) => lookalikes[character]!)
  return Math.min(remainder(lower), remainder(spelled))
}

function remainder(text: string): number {
  let rest = text
  for (const walk of walks) rest = withoutWalks(withoutWalks(rest, walk), [...walk].reverse().join(''))
  for (const word of commonWords.toSorted((left, right) => right.length - left.length))
    rest = rest.replaceAll(word, ' ')
  return [...rest.replace(/[\d\s\p{P}\p{S}]/gu, '').replace(/(.)\1+/gu, '$1')].length
}

/** Takes out runs of four and more characters that follow each other on `walk`. */
function withoutWalks(text: string, walk: string): string {
  for (let length = walk.length; length >= 4; length--) {
    for (let start = 0; start + length <= walk.length; start++)
      text = text.replaceAll(walk.slice(start, start + length), ' ')
  }
  return text
}
