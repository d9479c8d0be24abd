import { SettingOutlined } from '@ant-design/icons'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Popup } from '../ui/Popup.tsx'
import { type Column, type ColumnMemory, shownColumns } from './columns.ts'

export function ColumnChooser<Row>({
  columns,
  memory,
  onChange,
}: {
  columns: Column<Row>[]
  memory: ColumnMemory
  onChange(memory: ColumnMemory): void
}) {
  const { t } = useTranslation()
  const [at, setAt] = useState<DOMRect | null>(null)
  const [close] = useState(() => () => setAt(null))
  const shown = new Set(shownColumns(columns, memory).map(({ key }) => key))
  return (
    <>
      <button
        type="button"
        className="tool"
        aria-haspopup="dialog"
        title={t('table.columns')}
        onClick={(event) => setAt(event.currentTarget.getBoundingClientRect())}
      >
        <SettingOutlined aria-hidden="true" />
        {t('table.columns')}
      </button>
      {at ? (
        <Popup
          at={{ left: at.left, top: at.top, bottom: at.bottom, right: at.right }}
          role="dialog"
          label={t('table.columns')}
          onClose={close}
        >
          {columns.map(({ key, title }) => (
            <label key={key} className="item">
              <input
                type="checkbox"
                checked={shown.has(key)}
                disabled={shown.size === 1 && shown.has(key)}
                onChange={(event) =>
                  onChange({
                    ...memory,
                    shown: event.target.checked ? [...shown, key] : [...shown].filter((name) => name !== key),
                  })
                }
              />
              {title}
            </label>
          ))}
          <hr />
          <button type="button" className="item" onClick={() => onChange({})}>
            {t('table.resetColumns')}
          </button>
        </Popup>
      ) : null}
    </>
  )
}
