import { useTranslation } from 'react-i18next'
import type { Schemas } from '../../api/client.ts'

export const statuses: Schemas['IncidentStatus'][] = ['new', 'in_progress', 'on_hold', 'closed']
export const closeReasons: Schemas['CloseReason'][] = ['true_positive', 'false_positive', 'benign', 'duplicate']

const signs: Record<Schemas['IncidentStatus'], string> = { new: '●', in_progress: '◐', on_hold: '‖', closed: '✓' }
const colours: Record<Schemas['IncidentStatus'], string> = {
  new: 'var(--accent)',
  in_progress: 'var(--warn)',
  on_hold: 'var(--text-soft)',
  closed: 'var(--text-faint)',
}

/** Status by sign, word and colour. */
export function Status({ value }: { value: Schemas['IncidentStatus'] }) {
  const { t } = useTranslation()
  return (
    <span style={{ color: colours[value], whiteSpace: 'nowrap' }} data-status={value}>
      <span aria-hidden="true">{signs[value]}</span> {t(`incident.status.${value}`)}
    </span>
  )
}
