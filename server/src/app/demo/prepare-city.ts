import { call } from './call.ts'
import { attacker, city, type DemoUnit, hosts, offices } from './city.ts'
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
    await prepareDesk(inputs)
    return undefined
  } catch (error) {
    inputs.signal.throwIfAborted()
    return (error as Error).message
  }
}

/** What analysts of the city have written down: indicators of the intrusion, searches they keep, an exception. */
async function prepareDesk(inputs: DemoInputs): Promise<void> {
  const { relay, domain } = attacker
  const severity = 'high'
  await ensureSome(inputs, '/indicators', [
    { type: 'ip', value: relay, severity, description: '演练：攻击者的中转地址', origin: 'demo' },
    { type: 'domain', value: domain, severity, description: '演练：隧道使用的域名', origin: 'demo' },
  ])
  const range = { from: 'now-24h', to: 'now', shared: true }
  await ensureSome(inputs, '/saved-searches', [
    { name: '失败的登录', query: 'event.category:authentication and event.outcome:failure', ...range },
    { name: '发往攻击者中转地址的连接', query: `destination.ip:${relay}`, ...range },
    { name: '未能解析的记录', query: 'tags:unparsed', ...range },
  ])
  const expiresAt = new Date(inputs.clock.now() + 30 * 86_400_000).toISOString()
  const conditions = [{ field: 'source.ip', operator: 'equals', values: ['10.66.0.250'] }]
  const reason = '演练：每周例行漏洞扫描，由安全管理员批准'
  await ensureSome(inputs, '/exceptions', [{ name: '漏洞扫描器', reason, conditions, expiresAt }])
}

/** Adds them unless there are some: a second start finds its own, and what people made stays alone. */
async function ensureSome(inputs: DemoInputs, path: string, items: object[]): Promise<void> {
  const { total } = (await call(inputs, 'GET', `${path}?limit=1`)) as { total: number }
  if (total > 0) return
  for (const item of items) await call(inputs, 'POST', path, item)
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
