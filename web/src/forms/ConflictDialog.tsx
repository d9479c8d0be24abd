import { Modal } from 'antd'
import i18next from 'i18next'
import { useTranslation } from 'react-i18next'
import { AntTheme } from '../theme/AntTheme.tsx'
import { Time } from '../ui/Time.tsx'
import type { Conflict } from './conflict.ts'

/** Says who changed it, when and what, and offers the three ways on. */
export default function ConflictDialog({ conflict }: { conflict: Conflict }) {
  const { t } = useTranslation()
  const { changedBy, changedAt, fields } = conflict.error.detail as {
    changedBy?: string
    changedAt?: string
    fields?: string[]
  }
  const names = (fields ?? []).flatMap((field) => {
    const key: string = `conflict.fields.${field}`
    return i18next.exists(key) ? [String(i18next.t(key as 'conflict.fields.name'))] : []
  })
  return (
    <AntTheme>
      <Modal
        open
        title={t('conflict.title')}
        width={520}
        zIndex={2000}
        onCancel={() => conflict.choose('back')}
        mask={{ closable: false }}
        footer={
          <div className="row wrap" style={{ justifyContent: 'flex-end' }}>
            <button
              type="button"
              className="button"
              data-testid="conflict-back"
              onClick={() => conflict.choose('back')}
            >
              {t('conflict.back')}
            </button>
            <button
              type="button"
              className="button"
              data-testid="conflict-mine"
              onClick={() => conflict.choose('mine')}
            >
              {t('conflict.mine')}
            </button>
            <button
              type="button"
              className="button primary"
              data-testid="conflict-theirs"
              onClick={() => conflict.choose('theirs')}
            >
              {t('conflict.theirs')}
            </button>
          </div>
        }
      >
        <div data-testid="conflict">
          <p>
            <span className="strong">{changedBy ?? t('conflict.somebody')}</span> · <Time value={changedAt} as="full" />
          </p>
          {names.length > 0 ? <p>{t('conflict.changed', { fields: names.join(t('conflict.comma')) })}</p> : null}
          <p className="faint">{t('conflict.hint')}</p>
        </div>
      </Modal>
    </AntTheme>
  )
}
