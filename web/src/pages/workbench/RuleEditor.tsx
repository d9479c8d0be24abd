import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { yaml } from '@codemirror/lang-yaml'
import { bracketMatching, defaultHighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint'
import { EditorState } from '@codemirror/state'
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from '@codemirror/view'
import { useEffect, useRef } from 'react'
import type { Schemas } from '../../api/client.ts'
import { editorTheme } from './editorTheme.ts'
import { useProblemWords } from './useProblemWords.ts'

interface RuleEditorProps {
  /** The text to begin with; a new `key` of the element begins anew. */
  initial: string
  problems: readonly Schemas['RuleProblem'][]
  readOnly: boolean
  label: string
  onChange(text: string): void
}

/** YAML with what is wrong marked where it stands. */
export function RuleEditor({ initial, problems, readOnly, label, onChange }: RuleEditorProps) {
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const words = useProblemWords()
  const told = useRef(onChange)
  told.current = onChange
  const first = useRef({ initial, readOnly, label })

  useEffect(() => {
    const begin = first.current
    const editor = new EditorView({
      parent: host.current!,
      state: EditorState.create({
        doc: begin.initial,
        extensions: [
          lineNumbers(),
          // Marks that reorder text are shown as what they are.
          highlightSpecialChars(),
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          highlightActiveLine(),
          lintGutter(),
          yaml(),
          syntaxHighlighting(defaultHighlightStyle, { fallback: true }),
          editorTheme,
          EditorState.readOnly.of(begin.readOnly),
          EditorView.contentAttributes.of({ 'aria-label': begin.label, 'data-testid': 'rule-editor' }),
          keymap.of([...defaultKeymap, ...historyKeymap, ...lintKeymap, indentWithTab]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) told.current(update.state.doc.toString())
          }),
        ],
      }),
    })
    view.current = editor
    return () => editor.destroy()
  }, [])

  useEffect(() => {
    const editor = view.current
    if (!editor) return
    const { doc } = editor.state
    const diagnostics = problems.map(({ severity, code, message, hint, line, column }): Diagnostic => {
      const place = doc.line(Math.min(Math.max(1, line), doc.lines))
      const from = Math.min(place.from + Math.max(0, column - 1), place.to)
      return {
        from,
        to: Math.max(from, place.to),
        severity,
        source: code,
        message: [words.message(message), words.hint({ code, hint })].filter(Boolean).join('\n'),
      }
    })
    editor.dispatch(setDiagnostics(editor.state, diagnostics))
  }, [problems, words])

  return <div ref={host} className="rule-editor" />
}
