import { canonicalIp } from '../../lib/ip-address.ts'
import { type FilePath, ParserProblem } from '../problem.ts'
import type { Step } from '../run.ts'
import { createSetter } from '../setter.ts'
import { createReader } from '../value.ts'

type CreateStep = (from: string, to: string | undefined, path: FilePath) => Step

/** Functions a step may apply, by name: what the parser language cannot say itself. */
export const stepFunctions: Readonly<Record<string, CreateStep>> = {
  /** `MD5=…,SHA256=…,IMPHASH=…` into `<to>.hash.*` and `<to>.pe.imphash`; `to` is `file`, `process` or `dll`. */
  hashes: (from, to, path) => {
    const read = createReader(from)
    const side = requireTarget('hashes', to, path)
    const setters = new Map(
      ['md5', 'sha1', 'sha256', 'sha512'].map((name) => [name, createSetter(`${side}.hash.${name}`, [...path, 'to'])]),
    )
    setters.set('imphash', createSetter(`${side}.pe.imphash`, [...path, 'to']))
    return (run) => {
      const text = read(run)
      if (typeof text !== 'string') return
      for (const part of text.split(',')) {
        const equals = part.indexOf('=')
        const setter = setters.get(part.slice(0, equals).trim().toLowerCase())
        setter?.(
          run,
          part
            .slice(equals + 1)
            .trim()
            .toLowerCase(),
        )
      }
    }
  },
  /** `192.0.2.1:443` or `[2001:db8::1]:443` into `<to>.ip` and `<to>.port`. */
  'address-port': (from, to, path) => {
    const read = createReader(from)
    const side = requireTarget('address-port', to, path)
    const ip = createSetter(`${side}.ip`, [...path, 'to'])
    const port = createSetter(`${side}.port`, [...path, 'to'])
    return (run) => {
      const text = read(run)
      if (typeof text !== 'string') return
      if (canonicalIp(text) !== undefined) {
        ip(run, text)
        return
      }
      const match = /^(.*):(\d{1,5})$/.exec(text)
      ip(run, match ? match[1] : text)
      if (match) port(run, match[2])
    }
  },
  /** `DOMAIN\name` or `name@domain` into `<to>.name` and `<to>.domain`. */
  account: (from, to, path) => {
    const read = createReader(from)
    const side = requireTarget('account', to, path)
    const name = createSetter(`${side}.name`, [...path, 'to'])
    const domain = createSetter(`${side}.domain`, [...path, 'to'])
    return (run) => {
      const text = read(run)
      if (typeof text !== 'string') return
      const slash = text.indexOf('\\')
      if (slash > 0) {
        domain(run, text.slice(0, slash))
        name(run, text.slice(slash + 1))
      } else name(run, text)
    }
  },
  /**
   * Undoes what a web server does to characters of a request before it logs them (nginx `log_format … escape=default`, Apache
   * `ap_escape_logitem`): `\x22`, `\"`, `\\`, `\t`. In place, or into the field `to`.
   */
  unescape: (from, to, path) => {
    const read = createReader(from)
    const setter = to === undefined ? undefined : createSetter(to, [...path, 'to'])
    return (run) => {
      const text = read(run)
      if (typeof text !== 'string' || !text.includes('\\')) return
      const plain = unescaped(text)
      if (setter) setter(run, plain)
      else run.source[from] = plain
    }
  },
  /** A number of seconds into a field that holds nanoseconds. */
  'seconds-to-nanoseconds': (from, to, path) => {
    const read = createReader(from)
    const setter = createSetter(requireTarget('seconds-to-nanoseconds', to, path), [...path, 'to'])
    return (run) => {
      const seconds = Number(read(run))
      if (Number.isFinite(seconds)) setter(run, Math.round(seconds * 1e9))
    }
  },
  /** Hexadecimal or decimal text into a number field (`0x1a4` is a process id in Windows audit events). */
  integer: (from, to, path) => {
    const read = createReader(from)
    const setter = createSetter(requireTarget('integer', to, path), [...path, 'to'])
    return (run) => {
      const value = read(run)
      if (typeof value === 'string' || typeof value === 'number') setter(run, Number(value))
    }
  },
}

const controlEscapes: Readonly<Record<string, string>> = { b: '\b', n: '\n', r: '\r', t: '\t', v: '\v' }

/** Bytes that stand together are one UTF-8 text. */
function unescaped(text: string): string {
  return text.replace(/(?:\\x[0-9A-Fa-f]{2})+|\\(["\\bnrtv])/g, (run: string, single: string | undefined) =>
    single === undefined
      ? Buffer.from(run.replaceAll('\\x', ''), 'hex').toString()
      : (controlEscapes[single] ?? single),
  )
}

function requireTarget(name: string, to: string | undefined, path: FilePath): string {
  if (to === undefined) throw new ParserProblem(path, `${name} needs \`to\``)
  return to
}
