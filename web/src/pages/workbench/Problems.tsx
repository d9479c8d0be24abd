import { useTranslation } from 'react-i18next'
import type { Schemas } from '../../api/client.ts'
import { useInLanguage } from '../../i18n/useInLanguage.ts'
import { useProblemWords } from './useProblemWords.ts'

/** What is wrong, and what the text says of itself. */
export function Checked({ checked }: { checked: Schemas['RuleChecked'] | undefined }) {
  const { t } = useTranslation()
  const words = useProblemWords()
  const inLanguage = useInLanguage()
  if (!checked) return <p className="faint">{t('workbench.checking')}</p>
  return (
    <>
      <section data-testid="rule-problems">
        <h3>{checked.valid ? t('workbench.sound') : t('workbench.wrong')}</h3>
        <ul className="rule-problems">
          {checked.problems.map((problem) => (
            <li key={`${problem.line}:${problem.column}:${problem.message}`} className={problem.severity}>
              <code>
                {problem.line}:{problem.column}
              </code>{' '}
              <strong title={problem.code}>{words.name(problem.code)}</strong> {words.message(problem.message)}
              {words.hint(problem) ? <p className="faint">{words.hint(problem)}</p> : null}
            </li>
          ))}
        </ul>
      </section>
      {checked.rules.map((rule) => (
        <section key={rule.id}>
          <h3>{inLanguage(rule.title, rule.titleZh)}</h3>
          <dl className="facts">
            <dt>{t('rule.logsource')}</dt>
            <dd className="mono">
              {[rule.logsource.product, rule.logsource.service, rule.logsource.category].filter(Boolean).join(' / ') ||
                '—'}
            </dd>
            {rule.sourcePresent === null ? null : (
              <>
                <dt>{t('workbench.source')}</dt>
                <dd className={rule.sourcePresent ? 'good' : 'bad'}>
                  {rule.sourcePresent ? t('workbench.sourcePresent') : t('workbench.sourceAbsent')}
                </dd>
              </>
            )}
            {rule.cost === null ? null : (
              <>
                <dt>{t('workbench.cost')}</dt>
                <dd>{t(`workbench.costs.${rule.cost}`)}</dd>
              </>
            )}
            <dt>{t('rule.reads')}</dt>
            <dd className="mono small">
              {rule.fields.map(({ name, places }) => (
                <div key={name}>
                  {name} {places.join() === name ? '' : <span className="faint">→ {places.join(', ')}</span>}
                </div>
              ))}
            </dd>
          </dl>
          {rule.sql ? (
            <details>
              <summary>SQL</summary>
              <pre className="raw small">{rule.sql}</pre>
            </details>
          ) : null}
        </section>
      ))}
    </>
  )
}
