import { columnOf } from './columns.ts'

/**
 * What free text is looked for in, besides `message` and all fields without a column of their own: names a person types
 * as they stand. A record without a message (JSON of one's own) is found by these.
 */
const searchedFields = [
  'host.name',
  'user.name',
  'user.target.name',
  'process.name',
  'process.command_line',
  'file.path',
  'url.original',
  'url.full',
  'dns.question.name',
] as const

const columns = ['message', ...searchedFields.map((field) => columnOf(field)!)]

/** Escapes of JSON text and what they stand for, as SQL; a backslash rests as a sign that JSON text never holds. */
const escapes = [
  ['\\\\\\\\', '\\x01'],
  ['\\\\n', '\\n'],
  ['\\\\r', '\\n'],
  ['\\\\t', '\\n'],
  ['\\\\"', '"'],
  ['\\x01', '\\\\'],
] as const

const extraText = escapes.reduce(
  (text, [written, meant]) => `replaceAll(${text}, '${written}', '${meant}')`,
  "arrayStringConcat(mapValues(extra), '\\n')",
)

const searchText = `concatWithSeparator('\\n', ${columns.join(', ')}, ${extraText})`

/** Tokenizer of the index: words as UAX #29 cuts them, each CJK character a word. */
export const textTokenizer = 'asciiCJK'

/** SQL: a text as the tokenizer is to see it, so that words are runs of letters and digits. */
export function wordsOf(text: string): string {
  return `lower(translate(${text}, '._:\\'', '    '))`
}

/**
 * After the words stand the IPv4 addresses of the text, each a token with its dots: the four numbers of an address are
 * words that nearly every record holds, and a search by them reads nearly all of them.
 */
const searchWords = `concatWithSeparator('\\n', ${wordsOf(searchText)}, arrayStringConcat(extractAll(${searchText}, '[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+'), '\\n'))`

/** Computed columns: the text of an event that free text is looked for in, one value a line, and its words. */
export const searchColumns = [
  { name: 'search_text', type: 'String', expression: searchText },
  { name: 'search_words', type: 'String', expression: searchWords },
] as const

/** The text index is over the column `search_words`; an index names what the column is made of. */
export const textIndex = `event_text ${searchWords} TYPE text(tokenizer = '${textTokenizer}')`
