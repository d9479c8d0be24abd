import fc from 'fast-check'

/** A small alphabet, so that needles and values meet; with characters that trip up lower-casing, Latin-1 and UTF-16. */
const letters = fc.constantFrom(
  'a',
  'B',
  'b',
  '.',
  '\\',
  '-',
  '/',
  ' ',
  'ab',
  'abcd',
  'EXE',
  '\\cmd.exe',
  'ſ',
  'K',
  'Σ',
  'ς',
  'İ',
  '😀',
  '😁',
  '政',
  '\n',
)
export const texts = fc.array(letters, { maxLength: 6 }).map((parts) => parts.join(''))
const needles = fc
  .array(fc.oneof(letters, fc.constantFrom('*', '?', '\\*', '\\?', '\\\\')), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(''))
const fields = fc.constantFrom('A', 'B', 'C', 'a.b')
const scalars = fc.oneof(
  { weight: 6, arbitrary: texts },
  fc.integer({ min: -2, max: 12 }),
  fc.boolean(),
  fc.constant(null),
)
export const records = fc.dictionary(
  fields,
  fc.oneof({ weight: 5, arbitrary: scalars }, fc.array(scalars, { maxLength: 3 })),
  { maxKeys: 4 },
)

const stringKeys = [
  '',
  '|contains',
  '|startswith',
  '|endswith',
  '|contains|all',
  '|cased',
  '|contains|cased',
  '|contains|windash',
  '|neq',
  '|endswith|neq',
]
const items = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(
      fields,
      fc.constantFrom(...stringKeys),
      fc.oneof(needles, fc.array(needles, { minLength: 2, maxLength: 4 })),
    ),
  },
  fc.tuple(
    fields,
    fc.constant(''),
    fc.oneof(fc.integer({ min: -2, max: 12 }), fc.boolean(), fc.constant(null), fc.constant(''), fc.constant('*')),
  ),
  fc.tuple(fields, fc.constantFrom('|gt', '|lte'), fc.integer({ min: 0, max: 10 })),
  fc.tuple(fields, fc.constant('|exists'), fc.boolean()),
  fc.tuple(fields, fc.constantFrom('|fieldref', '|fieldref|endswith', '|fieldref|contains|neq'), fields),
  fc.tuple(
    fields,
    fc.constantFrom('|re', '|re|s', '|re|m'),
    fc.constantFrom('a+b', '^a', 'b$', 'a.b', '(ab|cd).*e', '[^a]b{2}', '\\.exe$', 'x?a', '(?:cmd|EXE)', 'a{0}b'),
  ),
)
const maps = fc
  .array(items, { minLength: 1, maxLength: 3 })
  .map((list) => Object.fromEntries(list.map(([field, modifiers, value]) => [field + modifiers, value])))
const keywords = fc.array(
  needles.filter((needle) => !/^\*+$/.test(needle)),
  { minLength: 1, maxLength: 3 },
)
const identifiers = fc.oneof(
  { weight: 5, arbitrary: maps },
  fc.array(maps, { minLength: 1, maxLength: 2 }),
  keywords,
  keywords.map((all) => ({ '|all': all })),
)
const conditions = fc.constantFrom(
  'x',
  'x and y',
  'x or y',
  'x and not y',
  'not x',
  'not (x or y)',
  '1 of them',
  'all of them',
  'x and not (y and not z)',
  'not x or (y and z)',
)
export const detections = fc.record({ x: identifiers, y: identifiers, z: identifiers, condition: conditions })
