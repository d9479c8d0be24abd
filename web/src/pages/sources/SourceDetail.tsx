import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Button, Form, Input, InputNumber, Select, Switch } from 'antd'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { inPlaceOf } from '../../api/problem.ts'
import { useCan } from '../../api/session.tsx'
import { Histogram } from '../../charts/Histogram.tsx'
import { ifMatch, sendChange, tookTheirs } from '../../forms/conflict.ts'
import { useSay } from '../../i18n/useSay.ts'
import { CanarySection } from '../../ui/CanarySection.tsx'
import { formatNumber, formatRate, formatShare } from '../../ui/format.ts'
import { clause } from '../../ui/query.ts'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { toast } from '../../ui/toast.tsx'
import { useFields } from '../search/fields.ts'
import { SourceState } from './SourceState.tsx'

/** One sender: how it does, what no parser understood, and its settings. */
export function SourceDetail({ id, full = false }: { id: string; full?: boolean }) {
  const { t } = useTranslation()
  const can = useCan()
  const {
    data: source,
    error,
    refetch,
  } = useQuery({
    queryKey: ['sources', 'one', id],
    queryFn: () => answer(api.GET('/api/v1/sources/{id}', { params: { path: { id } } })),
  })
  const mayRead = can('event:read') === undefined
  const canSearch = useFields().some(({ name }) => name === sourceField)
  const query = source ? clause(sourceField, source.key) : ''
  const series = useQuery({
    queryKey: ['series', id, 1440],
    queryFn: () =>
      answer(api.GET('/api/v1/sources/{id}/series', { params: { path: { id }, query: { minutes: 1440 } } })),
    staleTime: 60_000,
  })
  const bars = useMemo(() => gather(series.data?.items ?? []), [series.data])
  const unparsed = useQuery({
    queryKey: ['sources', 'unparsed', id],
    queryFn: () => answer(api.GET('/api/v1/sources/{id}/unparsed', { params: { path: { id }, query: { limit: 20 } } })),
    enabled: mayRead && (source?.unparsedCount ?? 0) > 0,
  })
  if (inPlaceOf(source, error))
    return (
      <div className="detail">
        <div className="detail-body">
          <Problem error={error} onRetry={() => void refetch()} list={{ to: '/sources', name: 'sources' }} />
        </div>
      </div>
    )
  if (!source)
    return (
      <div className="detail">
        <div className="detail-body">
          <Skeleton rows={8} />
        </div>
      </div>
    )
  return (
    <div className={`detail ${full ? 'full' : ''}`} data-testid="source-detail">
      <div className="detail-head">
        <h2>{source.name}</h2>
        <div className="row wrap">
          <SourceState source={source} />
          <code className="faint">{source.key}</code>
        </div>
        {canSearch && mayRead ? (
          <div className="row">
            <Link className="button" to="/search" search={{ query, from: 'now-24h' } as never}>
              {t('source.openEvents')}
            </Link>
          </div>
        ) : null}
      </div>
      <div className="detail-body">
        <section>
          <h3>{t('source.day')}</h3>
          {series.error ? (
            <Problem error={series.error} onRetry={() => void series.refetch()} />
          ) : series.data ? (
            <Histogram buckets={bars} intervalMs={barMs} height={96} label={t('source.day')} />
          ) : (
            <Skeleton rows={3} />
          )}
        </section>
        <dl className="facts">
          <dt>{t('source.rate')}</dt>
          <dd className="number">{formatRate(source.recordsPerSecond)}</dd>
          <dt>{t('source.records')}</dt>
          <dd className="number">{formatNumber(source.recordCount)}</dd>
          <dt>{t('source.parseRate')}</dt>
          <dd className="number">
            {formatShare(source.parseRate)} · {t('source.unparsed')} {formatNumber(source.unparsedCount)}
          </dd>
          {source.lastFailure ? (
            <>
              <dt>{t('source.lastFailure')}</dt>
              <dd className="warn">{source.lastFailure}</dd>
            </>
          ) : null}
          <dt>{t('source.firstSeen')}</dt>
          <dd>
            <Time value={source.firstSeenAt} as="full" />
          </dd>
          <dt>{t('source.lastSeen')}</dt>
          <dd>
            <Time value={source.lastSeenAt} as="full" /> (<Time value={source.lastSeenAt} as="ago" />)
          </dd>
        </dl>
        <CanarySection source={id} />
        <section>
          <h3>{t('source.settings')}</h3>
          <Settings source={source} reason={can('source:write')} />
        </section>
        <section>
          <h3>
            {t('source.unparsedSample')} <span className="faint number">{formatNumber(source.unparsedCount)}</span>
          </h3>
          {source.unparsedCount === 0 ? (
            <p className="good">✓ {t('source.allParsed')}</p>
          ) : !mayRead ? (
            <p className="faint">{can('event:read')}</p>
          ) : null}
          {unparsed.error ? <Problem error={unparsed.error} /> : null}
          {unparsed.data?.items.map((record) => (
            <div key={record.eventId} style={{ marginBottom: 6 }}>
              <div className="small faint">
                <Time value={record.receivedAt} /> ·{' '}
                <Link to={`/events/${encodeURIComponent(record.eventId)}` as '/'}>{t('source.openRecord')}</Link>
              </div>
              <pre className="raw" style={{ maxHeight: 90 }}>
                {record.text}
              </pre>
            </div>
          ))}
        </section>
      </div>
    </div>
  )
}

/** Field of an event that names its sender. */
const sourceField = 'source.key'

interface SettingValues {
  name: string
  parser: string
  unitId: number
  silenceAfterMinutes?: number | null
  timeZone: string
  enabled: boolean
}

const barMs = 1_800_000

/** Minutes gathered into half hours. */
function gather(minutes: Schemas['SourceMinute'][]): { at: string; count: number }[] {
  const bars = new Map<number, number>()
  for (const { at, records } of minutes) {
    const start = Math.floor(Date.parse(at) / barMs) * barMs
    bars.set(start, (bars.get(start) ?? 0) + records)
  }
  const times = [...bars.keys()].sort((a, b) => a - b)
  const [first] = times
  const last = times.at(-1)
  if (first === undefined || last === undefined) return []
  return Array.from({ length: (last - first) / barMs + 1 }, (_, index) => first + index * barMs).map((start) => ({
    at: new Date(start).toISOString(),
    count: bars.get(start) ?? 0,
  }))
}

function settingsOf(source: Schemas['Source']): SettingValues {
  return {
    name: source.name,
    parser: source.pinned ? (source.parser ?? '') : '',
    unitId: source.unitId,
    timeZone: source.timeZone ?? '',
    enabled: source.enabled,
    silenceAfterMinutes: source.silenceAfterMinutes,
  }
}

function Settings({ source: shown, reason }: { source: Schemas['Source']; reason?: string }) {
  const { t } = useTranslation()
  const say = useSay()
  const queries = useQueryClient()
  const [form] = Form.useForm()
  // The state the form was filled from, whatever is heard of the source meanwhile.
  const [source, setSource] = useState(shown)
  const parsers = useQuery({
    queryKey: ['parsers'],
    queryFn: () => answer(api.GET('/api/v1/parsers')),
    staleTime: 300_000,
  })
  const units = useQuery({ queryKey: ['units'], queryFn: () => answer(api.GET('/api/v1/units')), staleTime: 60_000 })
  const save = useMutation({
    mutationFn: (values: SettingValues) =>
      sendChange(source.version, (version) =>
        answer(
          api.PATCH('/api/v1/sources/{id}', {
            params: { path: { id: source.id }, header: ifMatch(version) },
            body: {
              name: values.name,
              parser: values.parser === '' ? null : values.parser,
              unitId: values.unitId,
              silenceAfterMinutes: values.silenceAfterMinutes ?? null,
              timeZone: values.timeZone.trim() || null,
              enabled: values.enabled,
            },
          }),
        ),
      ),
    onSuccess: async (saved) => {
      setSource(saved)
      await queries.invalidateQueries({ queryKey: ['sources'] })
      toast(t('states.saved'))
    },
    onError: async (error) => {
      if (!tookTheirs(error)) return
      const theirs = await answer(api.GET('/api/v1/sources/{id}', { params: { path: { id: source.id } } }))
      setSource(theirs)
      form.setFieldsValue(settingsOf(theirs))
    },
  })
  return (
    <Form
      form={form}
      layout="vertical"
      disabled={reason !== undefined}
      initialValues={settingsOf(source)}
      onFinish={(values) => save.mutate(values)}
      style={{ maxWidth: 460 }}
    >
      {reason ? (
        <p className="warn" style={{ marginBottom: 8 }}>
          {reason}
        </p>
      ) : null}
      <Form.Item name="name" label={t('source.name')} rules={[{ required: true, max: 200 }]}>
        <Input />
      </Form.Item>
      <Form.Item name="parser" label={t('source.parser')} extra={t('source.pinHint')}>
        <Select
          showSearch
          optionFilterProp="label"
          options={[
            {
              value: '',
              label:
                source.pinned || !source.parser ? t('source.guess') : t('source.guessed', { parser: source.parser }),
            },
            ...(parsers.data?.items.map((parser) => ({
              value: parser.name,
              label: `${say(parser.title)} (${parser.name})`,
            })) ?? []),
          ]}
        />
      </Form.Item>
      <Form.Item name="unitId" label={t('source.unit')}>
        <Select
          showSearch
          optionFilterProp="label"
          options={units.data?.items.map((unit) => ({ value: unit.id, label: unit.name }))}
        />
      </Form.Item>
      <Form.Item name="silenceAfterMinutes" label={t('source.silence')} extra={t('source.silenceHint')}>
        <InputNumber min={0.5} step={0.5} max={525600} suffix={t('source.minutes')} style={{ width: 180 }} />
      </Form.Item>
      <Form.Item name="timeZone" label={t('source.timeZone')} extra={t('source.timeZoneHint')}>
        <Input placeholder="Asia/Shanghai" />
      </Form.Item>
      <Form.Item name="enabled" label={t('source.accept')} extra={t('source.acceptHint')} valuePropName="checked">
        <Switch />
      </Form.Item>
      <Button type="primary" htmlType="submit" loading={save.isPending}>
        {t('actions.save')}
      </Button>
    </Form>
  )
}
