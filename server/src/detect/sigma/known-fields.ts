import { z } from 'zod'
import { coreFieldByName } from '../../event/catalogue.ts'
import { CodedError } from '../../event/errors.ts'
import type { Logsource } from './document.ts'
import type { Expression } from './predicate.ts'

/** The fields that events of one kind can have. */
export interface KnownFields {
  logsource: Logsource
  fields: ReadonlySet<string>
}

const names = z.array(z.string())
/** Form of content/lookups/sigma-known-fields.yml. */
export const knownFieldsFile = z.strictObject({
  groups: z.record(z.string(), names),
  logsources: z.array(
    z.strictObject({
      product: z.string().optional(),
      category: z.string(),
      groups: names.default([]),
      fields: names.default([]),
      view: z.boolean().default(false),
    }),
  ),
})

/** The lists with their groups and the fields of their views put in. Throws CONFIG_INVALID for a group that is not there. */
export function readKnownFields(
  { groups, logsources }: z.infer<typeof knownFieldsFile>,
  viewFields: (logsource: Logsource) => Iterable<string>,
): KnownFields[] {
  return logsources.map(({ groups: wanted, fields: own, view, ...logsource }) => {
    const fields = new Set(own)
    for (const name of wanted) {
      const group = groups[name]
      if (!group) throw new CodedError('CONFIG_INVALID', `sigma-known-fields.yml: no group ${name}`, { name })
      for (const field of group) fields.add(field)
    }
    if (view) for (const field of viewFields(logsource)) fields.add(field)
    return { logsource, fields }
  })
}

/** The fields that events of a rule's log source can have; undefined where any name may be one. */
export function knownFieldsOf(rule: Logsource, known: readonly KnownFields[]): ReadonlySet<string> | undefined {
  // A list is of all events of its category; a rule that leaves the product open may be meant for others too.
  return known.find(
    ({ logsource }) => logsource.category === rule.category && (logsource.product ?? rule.product) === rule.product,
  )?.fields
}

/** True for a field that events of the log source can have, or that has its name everywhere. */
export function isKnown(field: string, fields: ReadonlySet<string>): boolean {
  return fields.has(field) || coreFieldByName.has(field) || field === '@timestamp'
}

/** True when the expression cannot hold while these fields are absent, whatever the others say. */
export function needsOneOf(expression: Expression, absent: ReadonlySet<string>): boolean {
  return valueWithout(expression, absent) === false
}

/** What the expression is without the fields; undefined when that depends on others. */
function valueWithout(expression: Expression, absent: ReadonlySet<string>): boolean | undefined {
  switch (expression.kind) {
    case 'part':
      return valueWithout(expression.child, absent)
    case 'not': {
      const value = valueWithout(expression.child, absent)
      return value === undefined ? undefined : !value
    }
    case 'and':
    case 'or': {
      const decides = expression.kind === 'or'
      const values = expression.children.map((child) => valueWithout(child, absent))
      if (values.includes(decides)) return decides
      return values.includes(undefined) ? undefined : !decides
    }
    case 'test': {
      const { field, predicates } = expression.test
      if (field === undefined) return undefined
      if (absent.has(field))
        return predicates.some(
          ({ kind, ...rest }) =>
            kind === 'null' || (kind === 'exists' && 'expected' in rest && rest.expected === false),
        )
      return predicates.every((predicate) => predicate.kind === 'field' && absent.has(predicate.field))
        ? false
        : undefined
    }
  }
}
