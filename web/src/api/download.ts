/** The address of an export with its filters; the browser downloads it with the session's cookie. */
export function exportUrl(path: string, query: Record<string, string | number | undefined>): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== '') params.set(name, String(value))
  return `${path}?${params}`
}
