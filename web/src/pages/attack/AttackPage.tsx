import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { exportUrl } from '../../api/download.ts'
import { Filter } from '../../ui/Filter.tsx'
import { formatNumber } from '../../ui/format.ts'
import { PageHead } from '../../ui/PageHead.tsx'
import { Severity, severities } from '../../ui/Severity.tsx'
import { Split } from '../../ui/Split.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { useUrl } from '../../ui/useUrl.ts'
import { WhyNot } from '../../ui/WhyNot.tsx'
import { type Cell, type Coverage, cellsOf } from './matrix.ts'
import './attack.css'

type Matrix = Schemas['AttackMatrix']

const marks: Record<Coverage, string> = { can: '●', cannot: '▲', none: '○' }
const tones: Record<Coverage, string> = { can: 'good', cannot: 'warn', none: 'faint' }
const coverages = ['can', 'cannot', 'none'] as const

/** The ATT&CK matrix, coloured by the rules that can fire with the sources now present. */
export default function AttackPage() {
  const { t, i18n } = useTranslation()
  const [url, setUrl] = useUrl()
  const filters = { source: url.source, unitId: url.unitId, severity: url.severity }
  const { data, error, refetch } = useQuery({
    queryKey: ['rules', 'attack', url.source, url.unitId, url.severity],
    queryFn: () => answer(api.GET('/api/v1/attack', { params: { query: filters as never } })),
  })
  const sources = useQuery({
    queryKey: ['sources', 'names'],
    queryFn: () => answer(api.GET('/api/v1/sources', { params: { query: { limit: 500 } } })),
    staleTime: 60_000,
  })
  const units = useQuery({ queryKey: ['units'], queryFn: () => answer(api.GET('/api/v1/units')), staleTime: 60_000 })
  const cells = useMemo(() => (data ? cellsOf(data) : new Map<string, Cell>()), [data])
  const shown = url.coverage ? url.coverage.split(',') : []
  const nameOf = (one: { en: string; zh: string }) => (i18n.language === 'en' ? one.en : one.zh)
  const chosen = url.id ? cells.get(url.id) : undefined
  const all = [...cells.values()]
  return (
    <div className="page fill">
      <PageHead title={t('pages.attack')} hint={t('attack.hint')}>
        <Filter
          label={t('attack.coverage')}
          value={url.coverage}
          allLabel={t('filter.all')}
          options={coverages.map((value) => ({ value, label: t(`attack.is.${value}`) }))}
          onChange={(coverage) => setUrl({ coverage })}
          testId="coverage"
        />
        <Filter
          label={t('attack.source')}
          single
          value={url.source}
          allLabel={t('filter.all')}
          options={(sources.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))}
          onChange={(source) => setUrl({ source })}
        />
        <Filter
          label={t('attack.unit')}
          single
          value={url.unitId}
          allLabel={t('filter.all')}
          options={(units.data?.items ?? []).map(({ id, name }) => ({ value: String(id), label: name }))}
          onChange={(unitId) => setUrl({ unitId })}
        />
        <Filter
          label={t('attack.severity')}
          value={url.severity}
          allLabel={t('filter.all')}
          options={severities.map((value) => ({ value, label: <Severity value={value} /> }))}
          onChange={(severity) => setUrl({ severity })}
        />
        <a className="button" href={exportUrl('/api/v1/attack/export', { ...filters, format: 'csv' })} download>
          CSV
        </a>
        <a className="button" href={exportUrl('/api/v1/attack/export', { ...filters, format: 'navigator' })} download>
          {t('attack.navigator')}
        </a>
      </PageHead>
      {error ? <Problem error={error} onRetry={() => void refetch()} /> : null}
      <div className="row wrap small" style={{ gap: 16, marginBottom: 8 }} data-testid="attack-legend">
        {coverages.map((coverage) => (
          <span key={coverage} className={tones[coverage]}>
            {marks[coverage]} {t(`attack.is.${coverage}`)}{' '}
            <b className="number">{formatNumber(all.filter((cell) => cell.coverage === coverage).length)}</b>
          </span>
        ))}
      </div>
      <Split
        id="attack"
        detailLabel={t('pages.attack')}
        onClose={() => setUrl({ id: undefined }, 'replace')}
        detail={chosen && data ? <TechniqueDetail cell={chosen} matrix={data} /> : null}
      >
        <div className="attack-scroll">
          {data ? (
            <div className="attack-grid" data-testid="attack-matrix">
              {data.tactics.map((tactic) => {
                const column = all.filter(
                  ({ technique, coverage }) =>
                    technique.tactics.includes(tactic.key) && (shown.length === 0 || shown.includes(coverage)),
                )
                return (
                  <div key={tactic.key} className="attack-column">
                    <h3 title={`${tactic.id} ${tactic.en}`}>
                      {nameOf(tactic)}
                      <div className="faint small number">
                        {t('attack.ofTechniques', {
                          can: formatNumber(column.filter(({ coverage }) => coverage === 'can').length),
                          all: formatNumber(column.length),
                        })}
                      </div>
                    </h3>
                    {column.map((cell) => (
                      <CellButton
                        key={cell.technique.id}
                        cell={cell}
                        name={nameOf(cell.technique)}
                        chosen={cell.technique.id === url.id}
                        onOpen={() => setUrl({ id: cell.technique.id }, 'replace')}
                      />
                    ))}
                  </div>
                )
              })}
            </div>
          ) : error ? null : (
            <Skeleton rows={12} />
          )}
        </div>
      </Split>
    </div>
  )
}

function CellButton({ cell, name, chosen, onOpen }: { cell: Cell; name: string; chosen: boolean; onOpen(): void }) {
  const { t } = useTranslation()
  const { technique, coverage, enabled, canFire, detections } = cell
  return (
    <button
      type="button"
      className={`attack-cell ${coverage} ${chosen ? 'chosen' : ''}`}
      title={`${technique.id} ${technique.en} · ${t(`attack.is.${coverage}`)}`}
      onClick={onOpen}
      data-testid={`technique-${technique.id}`}
    >
      {name}
      <span className="id faint number">
        <span>
          {marks[coverage]} {technique.id}
        </span>
        <span>
          {enabled > 0 ? `${canFire}/${enabled}` : ''}
          {detections > 0 ? <b className="bad"> ⚑{formatNumber(detections)}</b> : null}
        </span>
      </span>
    </button>
  )
}

function TechniqueDetail({ cell, matrix }: { cell: Cell; matrix: Matrix }) {
  const { t, i18n } = useTranslation()
  const isEnglish = i18n.language === 'en'
  const byId = new Map(matrix.rules.map((rule) => [rule.id, rule]))
  return (
    <div className="detail" data-testid="technique-detail">
      <div className="detail-head">
        <h2>
          {cell.technique.id} {isEnglish ? cell.technique.en : cell.technique.zh}
        </h2>
        <div className="row wrap">
          <span className={tones[cell.coverage]}>
            {marks[cell.coverage]} {t(`attack.is.${cell.coverage}`)}
          </span>
          <Link className="button" to="/rules" search={{ technique: cell.technique.id } as never}>
            {t('attack.openRules')}
          </Link>
          <a
            className="button"
            href={`https://attack.mitre.org/techniques/${cell.technique.id}/`}
            target="_blank"
            rel="noreferrer"
          >
            attack.mitre.org
          </a>
        </div>
      </div>
      <div className="detail-body">
        {cell.enabled === 0 ? <p className="soft">{t('attack.noRuleHint')}</p> : null}
        {[cell.technique, ...cell.subs]
          .filter(({ ruleIds, detections }) => ruleIds.length > 0 || detections > 0)
          .map((technique) => (
            <section key={technique.id}>
              <h3>
                {technique.id} {isEnglish ? technique.en : technique.zh}{' '}
                <span className="faint small">
                  {t('attack.detections', { number: formatNumber(technique.detections) })}
                </span>
              </h3>
              {technique.ruleIds.map((id) => {
                const rule = byId.get(id)!
                return (
                  <div key={id} style={{ marginBottom: 8 }}>
                    <div className="row">
                      <Severity value={rule.severity} bare />
                      <Link to={`/rules/${encodeURIComponent(id)}` as '/'}>
                        {isEnglish ? rule.title : (rule.titleZh ?? rule.title)}
                      </Link>
                      <span style={{ marginLeft: 'auto', whiteSpace: 'nowrap' }} className={ruleTone(rule)}>
                        {rule.canFire
                          ? `● ${t('rule.can')}`
                          : rule.enabled
                            ? `▲ ${t('rule.cannot')}`
                            : `○ ${t('rule.disabled')}`}
                      </span>
                    </div>
                    {rule.canFire ? null : <WhyNot reasons={rule.cannotFire} />}
                  </div>
                )
              })}
            </section>
          ))}
      </div>
    </div>
  )
}

function ruleTone({ canFire, enabled }: Matrix['rules'][number]): string {
  return canFire ? 'good' : enabled ? 'warn' : 'faint'
}
