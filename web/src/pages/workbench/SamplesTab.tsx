import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useInLanguage } from '../../i18n/useInLanguage.ts'
import { Action } from '../../ui/Action.tsx'
import { CorrelationWhy } from '../../ui/CorrelationWhy.tsx'
import type { Draft, Samples } from './draft.ts'

type Run = Schemas['RuleRun']

interface SamplesTabProps {
  draft: Draft
  readOnly: boolean
  run: Run | undefined
  isRunning: boolean
  onRun(): void
  onChange(changes: Partial<Draft>): void
}

/** Records the rule must fire on and must not, run as the platform runs them, and what each part said. */
export function SamplesTab({ draft, readOnly, run, isRunning, onRun, onChange }: SamplesTabProps) {
  const { t } = useTranslation()
  const { data: parsers } = useQuery({
    queryKey: ['parsers'],
    queryFn: () => answer(api.GET('/api/v1/parsers')),
    staleTime: 600_000,
  })
  const inLanguage = useInLanguage()
  const titleOf = ({ ruleId, title, titles }: Schemas['CorrelationWhy']) => inLanguage(title, titles[ruleId]?.zh)
  const names = parsers?.items.map(({ name }) => name) ?? []
  const { samples } = draft
  const put = (kind: keyof Samples, index: number, changes: Partial<Samples['fires'][number]> | null) => {
    const list = samples[kind].flatMap((one, at) => (at === index ? (changes ? [{ ...one, ...changes }] : []) : [one]))
    onChange({ samples: { ...samples, [kind]: list } })
  }
  const add = (kind: keyof Samples) =>
    onChange({ samples: { ...samples, [kind]: [...samples[kind], { parser: 'json', lines: [''] }] } })
  return (
    <div className="workbench-pane">
      <div className="row wrap">
        <Action primary busy={isRunning} testId="run-samples" title="Ctrl+Enter" onClick={onRun}>
          {t('workbench.runSamples')}
        </Action>
        {run ? (
          <span data-testid="samples-verdict" className={run.failed > 0 ? 'bad' : 'good'}>
            {t('workbench.samplesVerdict', { passed: run.passed, failed: run.failed })}
          </span>
        ) : null}
      </div>
      {(['fires', 'silent'] as const).map((kind) => (
        <section key={kind}>
          <h3 className="section-title">{t(`workbench.${kind}`)}</h3>
          {samples[kind].map((sample, index) => {
            const ran = run?.samples.find((one) => one.expected === kind && one.index === index)
            return (
              // biome-ignore lint/suspicious/noArrayIndexKey: a sample is its place in the list
              <div key={index} className="card rule-sample">
                <div className="row wrap">
                  <select
                    className="input small"
                    aria-label={t('workbench.parser')}
                    value={sample.parser}
                    disabled={readOnly}
                    onChange={(event) => put(kind, index, { parser: event.target.value })}
                  >
                    {[...new Set([sample.parser, ...names])].map((name) => (
                      <option key={name}>{name}</option>
                    ))}
                  </select>
                  {ran ? (
                    <span className={ran.passed ? 'good' : 'bad'}>
                      {ran.passed ? '●' : '▲'}{' '}
                      {ran.fired.length > 0 ? t('workbench.fired') : t('workbench.stayedSilent')}
                    </span>
                  ) : null}
                  {ran?.problem ? <span className="bad">{ran.problem}</span> : null}
                  <span style={{ marginLeft: 'auto' }}>
                    <Action
                      reason={readOnly ? t('workbench.readOnly') : undefined}
                      onClick={() => put(kind, index, null)}
                    >
                      {t('actions.remove')}
                    </Action>
                  </span>
                </div>
                <textarea
                  className="input mono small"
                  rows={Math.min(8, Math.max(2, sample.lines.length))}
                  aria-label={t('workbench.lines')}
                  data-testid={`sample-${kind}-${index}`}
                  placeholder={t('workbench.linesHint')}
                  readOnly={readOnly}
                  value={sample.lines.join('\n')}
                  onChange={(event) => put(kind, index, { lines: event.target.value.split('\n') })}
                />
                {ran?.correlations.map((why) => (
                  <details key={why.ruleId} className="rule-explained" open>
                    <summary>{titleOf(why)}</summary>
                    <CorrelationWhy why={why} />
                  </details>
                ))}
                {ran?.events.map((event) => (
                  <Explained key={event.eventId} event={event} />
                ))}
              </div>
            )
          })}
          <Action
            testId={`add-${kind}`}
            reason={readOnly ? t('workbench.readOnly') : undefined}
            onClick={() => add(kind)}
          >
            {t('workbench.addSample')}
          </Action>
        </section>
      ))}
      {draft.eventIds.length > 0 ? (
        <section>
          <h3 className="section-title">{t('workbench.storedEvents')}</h3>
          {draft.eventIds.map((id) => {
            const ran = run?.events.find(({ eventId }) => eventId === id)
            return (
              <div key={id} className="card rule-sample">
                <div className="row wrap">
                  <Link to="/events/$id" params={{ id }} className="mono">
                    {id}
                  </Link>
                  {ran ? (
                    <span className={ran.fired.length > 0 ? 'good' : 'faint'}>
                      {ran.fired.length > 0 ? t('workbench.fired') : t('workbench.stayedSilent')}
                    </span>
                  ) : null}
                  <span style={{ marginLeft: 'auto' }}>
                    <Action onClick={() => onChange({ eventIds: draft.eventIds.filter((other) => other !== id) })}>
                      {t('actions.remove')}
                    </Action>
                  </span>
                </div>
                {ran ? <Explained event={ran} /> : null}
              </div>
            )
          })}
          {run?.correlations.map((why) => (
            <section key={why.ruleId}>
              <h4>{titleOf(why)}</h4>
              <CorrelationWhy why={why} />
            </section>
          ))}
        </section>
      ) : null}
    </div>
  )
}

/** Each part of the condition with its tests: what was looked for, what was there. */
function Explained({ event }: { event: Run['samples'][number]['events'][number] }) {
  const { t } = useTranslation()
  return (
    <details className="rule-explained">
      <summary className="mono small">
        {event.understood ? '' : `▲ ${t('workbench.notUnderstood')} · `}
        {event.line.slice(0, 160) || event.eventId}
      </summary>
      {event.explanations.map((rule) => (
        <div key={rule.ruleId}>
          <p className="small">
            <span className={rule.fires ? 'good' : 'faint'}>{rule.fires ? '●' : '○'}</span> {rule.title}{' '}
            {rule.applies ? null : <span className="bad">{t('workbench.otherLogsource')}</span>}
          </p>
          <table className="fields small">
            <tbody>
              {rule.parts.flatMap((part) =>
                part.tests.map((test, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: the tests of a part stand in the order of the rule
                  <tr key={`${part.name}${index}`} className={test.matches ? 'matched' : ''}>
                    <td className="mono">
                      {test.matches ? '✓' : '✗'} {part.name}
                    </td>
                    <td className="mono">{[test.field ?? t('workbench.anyField'), ...test.modifiers].join('|')}</td>
                    <td className="mono">{test.patterns.map(({ text }) => text).join(' · ')}</td>
                    <td className="mono faint">
                      {test.state === 'present' ? test.values.join(' · ') : t(`workbench.states.${test.state}`)}
                    </td>
                  </tr>
                )),
              )}
            </tbody>
          </table>
        </div>
      ))}
    </details>
  )
}
