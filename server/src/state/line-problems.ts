import type { z } from 'zod'

/** What is wrong with one field of an imported line, so that a reader's own language can say it. */
export interface LineProblem {
  /** Empty when the line as a whole is wrong. */
  field: string
  problem:
    | 'required'
    | 'type'
    | 'too_short'
    | 'too_long'
    | 'too_small'
    | 'too_large'
    | 'choice'
    | 'format'
    | 'unknown_field'
    | 'characters'
    | 'address'
    | 'host_name'
    | 'indicator'
    | 'other'
  parameters: Record<string, string | number>
}

type Issue = z.core.$ZodIssue

/** One problem for each issue of a line that a schema refused. */
export function lineProblems(error: z.ZodError): LineProblem[] {
  return error.issues.map((issue) => ({ field: issue.path.join('.'), ...told(issue) }))
}

function told(issue: Issue): Omit<LineProblem, 'field'> {
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.endsWith('received undefined')
        ? { problem: 'required', parameters: {} }
        : { problem: 'type', parameters: { expected: issue.expected } }
    case 'too_small':
      return bound(issue.origin, 'too_short', 'too_small', { minimum: Number(issue.minimum) })
    case 'too_big':
      return bound(issue.origin, 'too_long', 'too_large', { maximum: Number(issue.maximum) })
    case 'invalid_value':
      return { problem: 'choice', parameters: { values: issue.values.map(String).join(', ') } }
    case 'invalid_format':
      return { problem: issue.message === 'is no host name' ? 'host_name' : 'format', parameters: {} }
    case 'unrecognized_keys':
      return { problem: 'unknown_field', parameters: { names: issue.keys.join(', ') } }
    case 'custom': {
      const { problem, ...parameters } = (issue.params ?? {}) as Partial<LineProblem> & Record<string, string>
      return { problem: problem ?? 'other', parameters: problem ? parameters : { message: issue.message } }
    }
    default:
      return { problem: 'other', parameters: { message: issue.message } }
  }
}

function bound(
  origin: string,
  ofLength: LineProblem['problem'],
  ofValue: LineProblem['problem'],
  parameters: Record<string, number>,
): Omit<LineProblem, 'field'> {
  return { problem: origin === 'string' || origin === 'array' ? ofLength : ofValue, parameters }
}
