/** The paging of a request as the verbs take it: `after` of the API is their `cursor`. */
export function paged<Query extends { after?: string }>(query: Query): Omit<Query, 'after'> & { cursor?: string } {
  const { after, ...rest } = query
  return { ...rest, cursor: after }
}
