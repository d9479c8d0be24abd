import {
  AimOutlined,
  AlertOutlined,
  ApartmentOutlined,
  CopyOutlined,
  DatabaseOutlined,
  FilterOutlined,
  MinusCircleOutlined,
  PlusCircleOutlined,
  SearchOutlined,
} from '@ant-design/icons'
import { useNavigate } from '@tanstack/react-router'
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useCan } from '../api/session.tsx'
import { copyText } from './Copy.tsx'
import { type MenuItem, MenuItems, Popup } from './Popup.tsx'
import { clause, quoteValue } from './query.ts'
import { toast } from './toast.tsx'

export interface ValueActions {
  /** Adds to the filters of this page; absent means: ask log search. */
  include?(field: string, value: string): void
  exclude?(field: string, value: string): void
  /** Time range to carry along when the question moves to another page. */
  range?: { from?: string; to?: string }
  /** Offer the field as a column (log search). */
  addColumn?(field: string): void
}

const ActionsContext = createContext<ValueActions>({})
const OpenContext = createContext<(field: string, value: string, at: DOMRect) => void>(() => {})

interface ValueProps {
  field: string
  value: string | number | boolean
  children?: ReactNode
  /** Reachable by Tab; for detail views, not for every cell of a table. */
  focusable?: boolean
  className?: string
}

/** A value that offers include, exclude, copy and pivot. */
export function Value({ field, value, children, focusable = false, className = '' }: ValueProps) {
  const open = useContext(OpenContext)
  const text = String(value)
  return (
    // biome-ignore lint/a11y/useSemanticElements: a button inside table cells would not wrap and cut like text
    <span
      className={`value ${className}`}
      role="button"
      tabIndex={focusable ? 0 : -1}
      aria-haspopup="menu"
      onClick={(event) => {
        if (window.getSelection()?.toString()) return
        event.stopPropagation()
        open(field, text, event.currentTarget.getBoundingClientRect())
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return
        event.preventDefault()
        event.stopPropagation()
        open(field, text, event.currentTarget.getBoundingClientRect())
      }}
    >
      {children ?? text}
    </span>
  )
}

/** Gives the values below it what this page can do with them, and holds the one open menu. */
export function ValueMenu({ actions, children }: { actions: ValueActions; children: ReactNode }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const can = useCan()
  const outer = useContext(ActionsContext)
  const merged = useMemo(() => ({ ...outer, ...actions }), [outer, actions])
  const [target, setTarget] = useState<{ field: string; value: string; at: DOMRect } | null>(null)
  const open = useCallback((field: string, value: string, at: DOMRect) => setTarget({ field, value, at }), [])
  const close = useCallback(() => setTarget(null), [])

  const items = (field: string, value: string): MenuItem[] => {
    const search = (query: string) => void navigate({ to: '/search', search: { query, ...merged.range } } as never)
    const kind = entityKind(field)
    const noSearch = can('event:read')
    const list: MenuItem[] = [
      {
        key: 'include',
        label: merged.include ? t('value.include') : t('value.searchInclude'),
        icon: <PlusCircleOutlined />,
        testId: 'value-include',
        disabled: merged.include ? undefined : noSearch,
        onChoose: () => (merged.include ? merged.include(field, value) : search(clause(field, value))),
      },
      {
        key: 'exclude',
        label: merged.exclude ? t('value.exclude') : t('value.searchExclude'),
        icon: <MinusCircleOutlined />,
        testId: 'value-exclude',
        disabled: merged.exclude ? undefined : noSearch,
        onChoose: () => (merged.exclude ? merged.exclude(field, value) : search(clause(field, value, true))),
      },
      {
        key: 'copy',
        label: t('value.copy'),
        icon: <CopyOutlined />,
        onChoose: async () => toast((await copyText(value)) ? t('states.copied') : t('states.notCopied')),
      },
      { key: 'line', label: '', divider: true },
      {
        key: 'only',
        label: t('value.only'),
        icon: <FilterOutlined />,
        disabled: noSearch,
        onChoose: () => search(clause(field, value)),
      },
      {
        key: 'anywhere',
        label: t('value.anywhere'),
        icon: <SearchOutlined />,
        disabled: noSearch,
        onChoose: () => search(quoteValue(value)),
      },
    ]
    if (merged.addColumn) {
      list.push({
        key: 'column',
        label: t('value.addColumn'),
        icon: <DatabaseOutlined />,
        onChoose: () => merged.addColumn?.(field),
      })
    }
    if (kind) {
      list.push({ key: 'line2', label: '', divider: true })
      if (kind === 'ip') {
        list.push({
          key: 'address',
          label: t('value.address'),
          icon: <ApartmentOutlined />,
          testId: 'value-address',
          disabled: noSearch,
          onChoose: () => void navigate({ to: '/addresses', search: { ip: value, ...merged.range } } as never),
        })
      }
      list.push({
        key: 'incidents',
        label: t('value.incidents'),
        icon: <AlertOutlined />,
        disabled: can('incident:read'),
        onChoose: () => void navigate({ to: '/incidents', search: { entity: value, status: 'all' } } as never),
      })
      if (kind === 'ip' || kind === 'host') {
        list.push({
          key: 'asset',
          label: t('value.asset'),
          icon: <DatabaseOutlined />,
          onChoose: () => void navigate({ to: '/assets', search: { text: value } } as never),
        })
      }
      if (kind !== 'user' && kind !== 'host') {
        list.push({
          key: 'indicator',
          label: t('value.indicator'),
          icon: <AimOutlined />,
          disabled: can('rule:read'),
          onChoose: () => void navigate({ to: '/indicators', search: { text: value } } as never),
        })
      }
    }
    return list
  }

  return (
    <ActionsContext value={merged}>
      <OpenContext value={open}>
        {children}
        {target ? (
          <Popup at={target.at} label={t('value.menu')} onClose={close}>
            <div className="head">
              <code>{target.field}</code>
              <div className="mono" style={{ color: 'var(--text)' }}>
                {target.value.length > 200 ? `${target.value.slice(0, 200)}…` : target.value}
              </div>
            </div>
            <MenuItems items={items(target.field, target.value)} onDone={close} />
          </Popup>
        ) : null}
      </OpenContext>
    </ActionsContext>
  )
}

/** What a field's value names, by its ECS name. */
function entityKind(field: string): 'ip' | 'host' | 'user' | 'domain' | 'hash' | 'url' | undefined {
  if (/(^|\.)ip$/.test(field)) return 'ip'
  if (/^(host\.(name|hostname)|destination\.domain|source\.domain)$/.test(field)) return 'host'
  if (/(^|\.)user(\.\w+)?\.name$|^user\.name$/.test(field)) return 'user'
  if (/\.hash\./.test(field)) return 'hash'
  if (/^(dns\.question\.name|url\.domain)$|(^|\.)domain$/.test(field)) return 'domain'
  if (/^url\./.test(field)) return 'url'
  return undefined
}
