import type { DemoInputs } from './senders.ts'

/** One request to the API; resolves with the answer's JSON. Throws TypeError for an answer that is no success. */
export async function call(inputs: DemoInputs, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${inputs.httpUrl}/api/v1${path}`, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: {
      authorization: `Bearer ${inputs.token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    signal: inputs.signal,
  })
  const text = await response.text()
  if (!response.ok) throw new TypeError(`${method} ${path} was answered ${response.status}: ${text.slice(0, 300)}`)
  return text === '' ? undefined : JSON.parse(text)
}
