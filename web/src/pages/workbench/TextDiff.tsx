import { yaml } from '@codemirror/lang-yaml'
import { defaultHighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { MergeView } from '@codemirror/merge'
import { EditorState } from '@codemirror/state'
import { EditorView, lineNumbers } from '@codemirror/view'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { editorTheme } from './editorTheme.ts'

/** Two versions side by side; what is the same in both is folded away. */
export function TextDiff({ before, after }: { before: string; after: string }) {
  const { t } = useTranslation()
  const host = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const extensions = [
      lineNumbers(),
      yaml(),
      syntaxHighlighting(defaultHighlightStyle, { fallback: true }),
      editorTheme,
      EditorState.readOnly.of(true),
      EditorView.editable.of(false),
      EditorState.phrases.of({ '$ unchanged lines': t('workbench.unchangedLines') }),
    ]
    const view = new MergeView({
      parent: host.current!,
      a: { doc: before, extensions },
      b: { doc: after, extensions },
      collapseUnchanged: { margin: 3, minSize: 6 },
      highlightChanges: true,
    })
    return () => view.destroy()
  }, [before, after, t])
  return <div ref={host} className="rule-diff" data-testid="rule-diff" />
}
