/**
 * The field catalogue: which names an event may carry and of what type. Names and types follow the Elastic Common
 * Schema (ECS). A field named by a rule, a parser or a page exists here or is refused when it is written.
 *
 * Values in memory: `keyword`, `text` -> string; `long`, `double` -> number; `boolean` -> boolean; `ip` -> canonical
 * text; `date` -> ISO 8601 text in UTC with milliseconds. `array` fields always hold an array, others never do in
 * core columns (a non-core field may hold an array when its source did).
 */
export type FieldType = 'keyword' | 'text' | 'long' | 'double' | 'boolean' | 'ip' | 'date'
