import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'

/** The Chinese of a text for readers of Chinese, where it has any; else the English. */
export function useInLanguage(): (en: string, zh: string | null | undefined) => string {
  const { i18n } = useTranslation()
  const isEnglish = i18n.language === 'en'
  return useCallback((en, zh) => (isEnglish ? en : (zh ?? en)), [isEnglish])
}
