import { city, type DemoUnit, hosts, offices } from './city.ts'
import type { DemoInputs } from './senders.ts'

interface Listed {
  items: { id: number; code: string | null }[]
}

/**
 * Creates the city's units and assets through the API, where they are not there yet. Resolves with what went wrong, if
 * something did: the play goes on without them.
 */
export async function prepareCity(inputs: DemoInputs): Promise<string | undefined> {
  try {
    const ids = await createUnits(inputs)
    const items = Object.values(hosts).map((host) => ({
      name: host.name,
      kind: host.kind,
      addresses: [host.address],
      hostNames: [host.name, `${host.name}.yunlu.example`],
      criticality: host.criticality,
      unitId: ids.get(host.unit.code),
      tags: ['demo'],
    }))
    await call(inputs, 'POST', '/assets/import', { items })
    return undefined
  } catch (error) {
    inputs.signal.throwIfAborted()
    return (error as Error).message
  }
}

async function createUnits(inputs: DemoInputs): Promise<Map<string, number>> {
  const { items } = (await call(inputs, 'GET', '/units?limit=500')) as Listed
  const ids = new Map(items.flatMap(({ code, id }) => (code === null ? [] : [[code, id] as const])))
  const rootId = items[0]?.id ?? 1
  const ensure = async (unit: DemoUnit, kind: string, parentId: number) => {
    const known = ids.get(unit.code)
    if (known !== undefined) return known
    const created = (await call(inputs, 'POST', '/units', { ...unit, kind, parentId })) as { id: number }
    ids.set(unit.code, created.id)
    return created.id
  }
  const cityId = await ensure(city, 'city', rootId)
  for (const office of offices) await ensure(office, 'unit', cityId)
  return ids
}

async function call(inputs: DemoInputs, method: string, path: string, body?: unknown): Promise<unknown> {
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
