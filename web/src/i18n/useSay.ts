import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'

/** Picks the reader's language of a text the server made in both. */
export function useSay(): (text: { zh: string; en: string }) => string {
  const { i18n } = useTranslation()
  const language = i18n.language === 'en' ? 'en' : 'zh'
  return useCallback((text) => text[language], [language])
}
