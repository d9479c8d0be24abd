import { SearchOutlined } from '@ant-design/icons'
import { useQuery } from '@tanstack/react-query'
import { type KeyboardEvent, useDeferredValue, useEffect, useId, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { useSay } from '../../i18n/useSay.ts'
import { formatNumber } from '../../ui/format.ts'
import { useKeys } from '../../ui/keys.ts'
import { queryProblemText } from '../../ui/problemText.ts'
import { quoteValue } from '../../ui/query.ts'
import { complete, rankFields, wordAt } from './completion.ts'
import { useFields } from './fields.ts'

interface QueryBarProps {
  query: string
  range: { from: string; to: string }
  onSubmit(query: string): void
}

interface Option {
  insert: string
  label: string
  hint: string
}

/** The query, with fields and values offered at the caret and the place of a mistake underlined while typing. */
export function QueryBar({ query, range, onSubmit }: QueryBarProps) {
  const { t } = useTranslation()
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  const [text, setText] = useState(query)
  const [caret, setCaret] = useState(query.length)
  const [open, setOpen] = useState(false)
  const [active, setActive] = useState(-1)
  const [scrolled, setScrolled] = useState(0)
  useEffect(() => setText(query), [query])
  useKeys({ '/': () => input.current?.focus() })

  const checked = useDebounced(text, 250)
  const { data: check } = useQuery({
    queryKey: ['validate', checked],
    queryFn: () => answer(api.POST('/api/v1/search/validate', { body: { query: checked } })),
    enabled: checked.trim() !== '',
    staleTime: 60_000,
  })
  const problem = checked === text && text.trim() !== '' ? check?.problem : undefined

  const options = useOptions(text, caret, range, open)

  const submit = () => {
    setOpen(false)
    onSubmit(text.trim())
  }
  const take = (option: Option) => {
    const next = complete(text, wordAt(text, caret), option.insert)
    setText(next.query)
    setActive(-1)
    setCaret(next.caret)
    requestAnimationFrame(() => {
      input.current?.focus()
      input.current?.setSelectionRange(next.caret, next.caret)
    })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      if (!open) return setOpen(true)
      const step = event.key === 'ArrowDown' ? 1 : -1
      setActive((before) =>
        options.length === 0
          ? -1
          : (before + step + options.length + (before < 0 && step < 0 ? 1 : 0)) % options.length,
      )
    } else if (event.key === 'Enter' || (event.key === 'Tab' && open && active >= 0)) {
      event.preventDefault()
      const option = open ? options[active] : undefined
      if (option) take(option)
      else submit()
    } else if (event.key === 'Escape') {
      if (open) {
        event.stopPropagation()
        setOpen(false)
      } else input.current?.blur()
    }
  }

  return (
    <div className="query-bar grow">
      <div className={`query-box ${problem ? 'wrong' : ''}`}>
        <SearchOutlined aria-hidden="true" className="faint" />
        <div className="query-text">
          {problem ? (
            <div className="query-under" aria-hidden="true" style={{ transform: `translateX(${-scrolled}px)` }}>
              {text.slice(0, problem.position)}
              <u>{text.slice(problem.position, problem.position + Math.max(1, problem.length)) || ' '}</u>
            </div>
          ) : null}
          <input
            ref={input}
            value={text}
            data-testid="query"
            role="combobox"
            aria-label={t('search.query')}
            aria-expanded={open && options.length > 0}
            aria-controls={`${id}-options`}
            aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
            aria-autocomplete="list"
            aria-invalid={problem ? true : undefined}
            aria-describedby={problem ? `${id}-problem` : undefined}
            placeholder={t('search.placeholder')}
            spellCheck={false}
            autoComplete="off"
            maxLength={4096}
            onChange={(event) => {
              setText(event.target.value)
              setActive(-1)
              setCaret(event.target.selectionStart ?? event.target.value.length)
              setOpen(true)
            }}
            onSelect={(event) => setCaret(event.currentTarget.selectionStart ?? 0)}
            onScroll={(event) => setScrolled(event.currentTarget.scrollLeft)}
            onKeyDown={onKeyDown}
            onBlur={() => setOpen(false)}
          />
        </div>
        {text ? (
          <button
            type="button"
            className="plain faint"
            aria-label={t('actions.clear')}
            title={t('actions.clear')}
            onClick={() => {
              setText('')
              onSubmit('')
            }}
          >
            ✕
          </button>
        ) : null}
        <button type="button" className="button primary" data-testid="run-search" onClick={submit}>
          {t('search.run')}
        </button>
      </div>
      {open && options.length > 0 ? (
        <div className="query-options" role="listbox" id={`${id}-options`} aria-label={t('search.suggestions')}>
          {options.map((option, index) => (
            // biome-ignore lint/a11y/useFocusableInteractive: the input keeps the focus (aria-activedescendant)
            // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the input
            <div
              key={option.insert}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === active}
              className="item"
              onPointerDown={(event) => event.preventDefault()}
              onClick={() => take(option)}
            >
              <span className="mono">{option.label}</span>
              <span className="hint ellipsis">{option.hint}</span>
            </div>
          ))}
        </div>
      ) : null}
      {problem ? (
        <div id={`${id}-problem`} className="query-problem bad small" role="alert" data-testid="query-problem">
          {queryProblemText(problem)}
          {problem.suggestions.slice(0, 4).map((suggestion) => (
            <button
              key={suggestion}
              type="button"
              className="chip accent"
              onClick={() =>
                setText(text.slice(0, problem.position) + suggestion + text.slice(problem.position + problem.length))
              }
            >
              {suggestion}
            </button>
          ))}
        </div>
      ) : null}
    </div>
  )
}

function useOptions(text: string, caret: number, range: { from: string; to: string }, open: boolean): Option[] {
  const fields = useFields()
  const say = useSay()
  const word = useDeferredValue(wordAt(text, caret))
  const field = word.kind === 'value' ? word.field : undefined
  const known = field !== undefined && fields.some(({ name }) => name === field)
  const { data } = useQuery({
    queryKey: ['values', field, range.from, range.to],
    queryFn: () =>
      answer(api.POST('/api/v1/search/facets', { body: { query: '', ...range, fields: [field!], limit: 50 } })),
    enabled: open && known,
    staleTime: 60_000,
  })
  if (word.kind === 'field') {
    if (word.text === '' && text.trim() !== '') return []
    return rankFields(fields, word.text).map(({ name, description }) => ({
      insert: name,
      label: name,
      hint: say(description),
    }))
  }
  const wanted = word.text.toLowerCase()
  return (data?.facets[0]?.values ?? [])
    .filter(({ value }) => value.toLowerCase().includes(wanted) && value.toLowerCase() !== wanted)
    .slice(0, 12)
    .map(({ value, count }) => ({ insert: quoteValue(value), label: value, hint: formatNumber(count) }))
}

function useDebounced<Value>(value: Value, ms: number): Value {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms)
    return () => clearTimeout(timer)
  }, [value, ms])
  return settled
}
