/** The platform proves itself: canaries through the real inputs, and what people must never see of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Platform, startPlatform, until } from '../harness/platform.ts'
import { sendTcp, sendUdp } from '../harness/send.ts'

interface Canary {
  id: string
  state: string
  input: string
  lostAt: string | null
  detail: string | null
}
type Item = Record<string, unknown> & { id: string }
interface Listed {
  items: Item[]
  total: number
}

let platform: Platform

beforeAll(async () => {
  platform = await startPlatform()
}, 240_000)
afterAll(async () => {
  await platform?.stop()
  platform?.remove()
})

const list = async (path: string) => (await platform.request<Listed>('GET', path)).body

async function outcomeOf(path: string): Promise<Canary> {
  const asked = await platform.request<Canary>('POST', path)
  expect(asked.status).toBe(202)
  let canary = asked.body
  await until(
    async () => {
      canary = (await platform.request<Canary>('GET', `/api/v1/canaries/${canary.id}`)).body
      return canary.state !== 'waiting' && canary.state !== 'running'
    },
    140_000,
    () => `the canary of ${path} is still ${JSON.stringify(canary)}`,
  )
  return canary
}

const line = (name: string, n: number) =>
  `<86>Nov 20 08:00:${String(n).padStart(2, '0')} ${name} sshd[99]: Accepted password for deploy from 10.9.8.${n} port 40000 ssh2`

describe('canaries on the running platform', () => {
  it('walk the way of a syslog and of an HTTP source to the end', async () => {
    for (let n = 1; n <= 5; n++) await sendUdp(platform.syslogPort, [line('udp-host', n)])
    await platform.request('POST', '/api/v1/ingest/portal', `${line('http-host', 1)}\n`, {
      'content-type': 'text/plain',
    })
    await until(
      async () => (await list('/api/v1/sources')).items.filter(({ parser }) => parser === 'linux-auth').length === 2,
      30_000,
      () => 'the sources did not appear',
    )
    const inputs: string[] = []
    for (const { id } of (await list('/api/v1/sources')).items) {
      const canary = await outcomeOf(`/api/v1/sources/${id}/test`)
      expect(canary).toMatchObject({ state: 'arrived', lostAt: null })
      inputs.push(canary.input)
    }
    expect(inputs.sort()).toEqual(['http', 'syslog-udp'])
  }, 180_000)

  it('of a single rule and of a correlation make them fire', async () => {
    const { items } = await list('/api/v1/rules?limit=500')
    const correlation = items.find(({ kind }) => kind === 'correlation')!
    const single = items.find(
      ({ kind, logsource }) => kind === 'detection' && (logsource as Item).product === 'windows',
    )!
    for (const { id } of [correlation, single])
      expect(await outcomeOf(`/api/v1/rules/${id}/test`)).toMatchObject({ state: 'arrived', detail: null })
    // A second time, too: what one canary counted is nothing to the next.
    expect(await outcomeOf(`/api/v1/rules/${correlation.id}/test`)).toMatchObject({ state: 'arrived' })
  }, 300_000)

  it('are met by nobody: no source, incident, detection or event', async () => {
    expect((await list('/api/v1/sources')).items.filter(({ key }) => String(key).startsWith('canary'))).toEqual([])
    expect((await list('/api/v1/incidents')).total).toBe(0)
    expect((await list('/api/v1/detections')).total).toBe(0)
    const search = { query: '', from: '2020-01-01', to: 'now', limit: 50 }
    const found = (await platform.request<Listed>('POST', '/api/v1/search', search)).body
    expect(found.total).toBe(6)
  })

  it('cannot be forged: a record that claims to be one is stored as what it is', async () => {
    const forged = `@watchfire-canary ${'ab'.repeat(12)} - ${'0'.repeat(64)} ${line('forger', 1)}`
    await sendTcp(platform.syslogPort, [forged])
    const search = { query: 'forger', from: '2020-01-01', to: 'now', limit: 50 }
    await until(
      async () => (await platform.request<Listed>('POST', '/api/v1/search', search)).body.total === 1,
      30_000,
      () => 'the forged record is not found',
    )
  })
})

interface RuleNow {
  canFire: boolean
  cannotFire: { code: string; source?: string; field?: string; was?: number }[]
}
/** `DNS query for a mining pool`: reads the name that was asked for, of Zeek's dns.log. */
const dnsRule = 'a9bd3c02-69b7-5014-afcb-bba7f7b5824e'

/** Zeek's dns.log as JSON; an update of the sensor may call the field otherwise. */
function dnsLines(count: number, queryField: string): string {
  const lines = Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      ...{
        _path: 'dns',
        ts: Date.now() / 1000,
        uid: `C${queryField}${index}`,
        'id.orig_h': '10.20.1.8',
        'id.orig_p': 40000 + index,
      },
      ...{ 'id.resp_h': '10.20.0.2', 'id.resp_p': 53, proto: 'udp', [queryField]: `www${index}.example.org` },
      ...{
        qclass_name: 'C_INTERNET',
        qtype_name: 'A',
        rcode_name: 'NOERROR',
        AA: false,
        TC: false,
        RD: true,
        RA: true,
      },
    }),
  )
  return `${lines.join('\n')}\n`
}

describe('why a rule cannot fire', () => {
  const ruleNow = async () => (await platform.request<RuleNow>('GET', `/api/v1/rules/${dnsRule}`)).body
  const send = (count: number, field: string) =>
    platform.request('POST', '/api/v1/ingest/border', dnsLines(count, field), {
      'content-type': 'application/x-ndjson',
    })
  const becomes = async (holds: (rule: RuleNow) => boolean, what: string) => {
    let rule = await ruleNow()
    await until(
      async () => {
        rule = await ruleNow()
        return holds(rule)
      },
      150_000,
      () => `not ${what}: ${JSON.stringify(rule)}`,
      1_000,
    )
    return rule
  }

  it('no source, then a field the device no longer sends, then silence; each with its name', async () => {
    expect((await ruleNow()).cannotFire).toMatchObject([{ code: 'no_source' }])
    await send(60, 'query')
    await becomes(({ canFire }) => canFire, 'able to fire')
    await send(60, 'qname')
    const drifted = await becomes(({ canFire }) => !canFire, 'drifted')
    expect(drifted.cannotFire).toMatchObject([
      { code: 'field_drifted', source: 'border', field: 'dns.question.name', was: 1 },
    ])
    await send(3, 'query')
    await becomes(({ canFire }) => canFire, 'able to fire again')
    const source = (await list('/api/v1/sources')).items.find(({ name }) => name === 'border')!
    const changed = await platform.request('PATCH', `/api/v1/sources/${source.id}`, { silenceAfterMinutes: 1 })
    expect(changed.status).toBe(200)
    const silent = await becomes(({ canFire }) => !canFire, 'silent')
    expect(silent.cannotFire).toMatchObject([{ code: 'source_silent', source: 'border' }])
    const { body } = await platform.request<{ enabled: number; canFire: number; reasons: { code: string }[] }>(
      'GET',
      '/api/v1/readiness',
    )
    expect(body.canFire).toBeLessThan(body.enabled)
    expect(body.reasons.map(({ code }) => code)).toContain('source_silent')
  }, 600_000)
})
