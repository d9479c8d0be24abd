import { Modal } from 'antd'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

interface DialogProps {
  title: ReactNode
  children: ReactNode
  onCancel(): void
  onOk?(): void
  okText?: string
  danger?: boolean
  busy?: boolean
  disabled?: boolean
  width?: number
  testId?: string
}

/** A dialog in our words; Enter in a form inside it is the form's own business. */
export function Dialog({
  title,
  children,
  onCancel,
  onOk,
  okText,
  danger,
  busy,
  disabled,
  width = 520,
  testId,
}: DialogProps) {
  const { t } = useTranslation()
  return (
    <Modal
      open
      title={title}
      width={width}
      onCancel={onCancel}
      onOk={onOk}
      okText={okText ?? t('actions.save')}
      cancelText={onOk ? t('actions.cancel') : t('actions.close')}
      okButtonProps={{ danger, disabled, loading: busy, 'data-testid': 'dialog-ok' } as never}
      footer={onOk ? undefined : (_origin, { CancelBtn }) => <CancelBtn />}
      destroyOnHidden
      mask={{ closable: false }}
    >
      <div data-testid={testId}>{children}</div>
    </Modal>
  )
}
