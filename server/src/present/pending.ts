/** Placeholder while the verbs land. */
export function pending(): never {
  throw new Error('this route is not wired yet')
}
