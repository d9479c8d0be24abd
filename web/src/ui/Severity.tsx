import { useTranslation } from 'react-i18next'

export type SeverityName = 'informational' | 'low' | 'medium' | 'high' | 'critical'

export const severities: SeverityName[] = ['critical', 'high', 'medium', 'low', 'informational']

/** Distinct outlines, so that the step is read without colour and on a black-and-white print. */
const shapes: Record<SeverityName, string> = {
  critical: 'M6 0 12 6 6 12 0 6Z',
  high: 'M6 .8 12 11.2H0Z',
  medium: 'M1.2 1.2h9.6v9.6H1.2Z',
  low: 'M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1Z',
  informational: 'M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1Zm0 2.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6Z',
}

/** Severity by colour, word and shape. `bare` leaves the word to screen readers and the tooltip. */
export function Severity({ value, bare = false }: { value: string; bare?: boolean }) {
  const { t } = useTranslation()
  const name = (severities as string[]).includes(value) ? (value as SeverityName) : 'informational'
  const word = t(`severity.${name}`)
  return (
    <span className="severity" style={{ color: `var(--${name})` }} title={word} data-severity={name}>
      <svg width="11" height="11" viewBox="0 0 12 12" aria-hidden="true">
        <path d={shapes[name]} fill="currentColor" fillRule="evenodd" />
      </svg>
      {bare ? <span className="visually-hidden">{word}</span> : word}
    </span>
  )
}
