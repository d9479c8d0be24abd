import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { Empty } from '../ui/States.tsx'

export function NotFound() {
  const { t } = useTranslation()
  return (
    <Empty
      title={t('shell.notFound')}
      action={
        <Link to="/" className="button primary">
          {t('shell.toOverview')}
        </Link>
      }
    >
      {t('shell.notFoundHint')}
    </Empty>
  )
}
