import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useKeys } from '../ui/keys.ts'
import { goKeys } from './goKeys.ts'

const event = 'watchfire:help'

export function openHelp(): void {
  window.dispatchEvent(new Event(event))
}

/** What the keys do, and the query language on half a page. */
export function HelpOverlay() {
  const { t } = useTranslation()
  const [open, setOpen] = useState(false)
  const box = useRef<HTMLDivElement>(null)
  useKeys({ '?': () => setOpen(true) })
  useEffect(() => {
    const onOpen = () => setOpen(true)
    window.addEventListener(event, onOpen)
    return () => window.removeEventListener(event, onOpen)
  }, [])
  useEffect(() => {
    if (!open) return
    const before = document.activeElement as HTMLElement | null
    box.current?.focus()
    return () => before?.focus?.({ preventScroll: true })
  }, [open])
  if (!open) return null
  const keys = ['j', 'k', 'enter', 'x', 'slash', 'escape', 'help'] as const
  const queries = ['word', 'phrase', 'field', 'cidr', 'range', 'wildcard', 'exists', 'boolean'] as const
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a click beside the box closes it; Escape does the same
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does the same
    <div className="help-overlay" onClick={(click) => click.target === click.currentTarget && setOpen(false)}>
      <div
        ref={box}
        role="dialog"
        aria-modal="true"
        aria-label={t('help.title')}
        tabIndex={-1}
        data-testid="help"
        // Inside a dialog the keys of the page are silent; these two are its own.
        onKeyDown={(press) => {
          if (press.key !== 'Escape' && press.key !== '?') return
          press.preventDefault()
          press.stopPropagation()
          setOpen(false)
        }}
      >
        <div className="row between">
          <h2>{t('help.title')}</h2>
          <button type="button" className="button" onClick={() => setOpen(false)}>
            {t('actions.close')}
          </button>
        </div>
        <h3>{t('help.keys')}</h3>
        <dl>
          {keys.map((key) => (
            <Line key={key} term={t(`help.key.${key}`)} text={t(`help.keyText.${key}`)} />
          ))}
          {Object.entries(goKeys).map(([key, page]) => (
            <Line key={key} term={`g ${key}`} text={t(`pages.${page}`)} />
          ))}
        </dl>
        <h3>{t('help.query')}</h3>
        <dl>
          {queries.map((key) => (
            <Line key={key} term={t(`help.queryTerm.${key}`)} text={t(`help.queryText.${key}`)} />
          ))}
        </dl>
      </div>
    </div>
  )
}

function Line({ term, text }: { term: string; text: string }) {
  return (
    <>
      <dt>
        <kbd>{term}</kbd>
      </dt>
      <dd>{text}</dd>
    </>
  )
}
