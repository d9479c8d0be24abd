import { useTranslation } from 'react-i18next'
import type { Schemas } from '../../api/client.ts'

export function SourceState({ source }: { source: Pick<Schemas['Source'], 'silent' | 'parser'> }) {
  const { t } = useTranslation()
  if (source.silent) return <span className="bad">▲ {t('source.silent')}</span>
  return source.parser === null ? (
    <span className="warn">■ {t('source.unknown')}</span>
  ) : (
    <span className="good">● {t('source.speaking')}</span>
  )
}
