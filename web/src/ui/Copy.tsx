import { CopyOutlined } from '@ant-design/icons'
import { useTranslation } from 'react-i18next'
import { toast } from './toast.tsx'

/** Copies text; also where the clipboard API is absent because the page came over plain HTTP. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    area.style.position = 'fixed'
    area.style.opacity = '0'
    document.body.append(area)
    area.select()
    const done = document.execCommand('copy')
    area.remove()
    return done
  }
}

export function Copy({ text, label }: { text: string; label?: string }) {
  const { t } = useTranslation()
  const name = label ?? t('actions.copy')
  return (
    <button
      type="button"
      className="plain faint"
      title={name}
      aria-label={name}
      onClick={async (event) => {
        event.stopPropagation()
        toast((await copyText(text)) ? t('states.copied') : t('states.notCopied'))
      }}
    >
      <CopyOutlined />
    </button>
  )
}
