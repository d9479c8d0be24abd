import { DownloadOutlined } from '@ant-design/icons'
import { useTranslation } from 'react-i18next'
import { saveRows } from '../api/saveRows.ts'
import { MenuButton } from '../ui/Popup.tsx'
import { problemText } from '../ui/problemText.ts'
import { toast } from '../ui/toast.tsx'

/** Keeps a list as it is filtered and sorted, also what is not loaded yet. */
export function ExportMenu({ name, pages }: { name: string; pages(): AsyncIterable<object[]> }) {
  const { t } = useTranslation()
  return (
    <MenuButton
      label={t('actions.export')}
      testId={`export-${name}`}
      items={(['csv', 'ndjson'] as const).map((format) => ({
        key: format,
        label: t(`export.${format}`),
        testId: `export-${name}-${format}`,
        onChoose: () =>
          void saveRows(name, format, pages()).catch((error) => toast(problemText(error), { kind: 'error' })),
      }))}
    >
      <DownloadOutlined /> {t('actions.export')}
    </MenuButton>
  )
}
