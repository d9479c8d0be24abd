import { CloseOutlined, ExpandOutlined } from '@ant-design/icons'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useKeys } from './keys.ts'
import { recall, remember } from './remember.ts'

interface SplitProps {
  /** The width is remembered under this name. */
  id: string
  children: ReactNode
  detail: ReactNode | null
  detailLabel: string
  onClose(): void
  /** The same detail as a page of its own. */
  fullHref?: string
}

/** The list and, beside it, the detail of the chosen row; the border between them can be dragged or moved by arrows. */
export function Split({ id, children, detail, detailLabel, onClose, fullHref }: SplitProps) {
  const { t } = useTranslation()
  const [width, setWidth] = useState<number>(() => recall<number>(`split.${id}`) ?? 620)
  const change = (next: number) => {
    const bounded = Math.max(360, Math.min(next, window.innerWidth - 420))
    setWidth(bounded)
    remember(`split.${id}`, bounded)
  }
  useKeys({ Escape: onClose }, detail !== null)
  return (
    <div className="split">
      <div className="split-list">{children}</div>
      {detail ? (
        <>
          {/* biome-ignore lint/a11y/useSemanticElements: a separator that can be moved has no HTML element */}
          <div
            className="split-border"
            role="separator"
            aria-orientation="vertical"
            aria-label={t('split.resize')}
            aria-valuenow={width}
            tabIndex={0}
            onKeyDown={(event) => {
              if (event.key === 'ArrowLeft') change(width + 32)
              if (event.key === 'ArrowRight') change(width - 32)
            }}
            onPointerDown={(event) => {
              event.preventDefault()
              const border = event.currentTarget
              const start = event.clientX
              border.setPointerCapture(event.pointerId)
              const onMove = (move: PointerEvent) => change(width + start - move.clientX)
              border.addEventListener('pointermove', onMove)
              border.addEventListener('pointerup', () => border.removeEventListener('pointermove', onMove), {
                once: true,
              })
            }}
          />
          <section className="split-detail" aria-label={detailLabel} style={{ width }} data-testid="detail">
            <div className="split-tools">
              {fullHref ? (
                <a className="tool" href={fullHref} title={t('split.full')} aria-label={t('split.full')}>
                  <ExpandOutlined />
                </a>
              ) : null}
              <button
                type="button"
                className="tool"
                title={`${t('actions.close')} (Esc)`}
                aria-label={t('split.close')}
                onClick={onClose}
              >
                <CloseOutlined />
              </button>
            </div>
            {detail}
          </section>
        </>
      ) : null}
    </div>
  )
}
