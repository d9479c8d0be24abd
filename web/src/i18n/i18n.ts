import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import { recall, remember } from '../ui/remember.ts'

export type Language = 'zh-CN' | 'en'

/** Words of one language arrive as their own chunk, so that nobody downloads the other. */
const load: Record<Language, () => Promise<object>> = {
  'zh-CN': () => import('./zh-CN.ts').then((module) => module.zhCN),
  en: () => import('./en.ts').then((module) => module.en),
}

export function currentLanguage(): Language {
  return i18next.language === 'en' ? 'en' : 'zh-CN'
}

/** Starts with the remembered language; Chinese unless this person chose otherwise. */
export async function startWords(): Promise<void> {
  const language: Language = recall<Language>('language') === 'en' ? 'en' : 'zh-CN'
  document.documentElement.lang = language
  await i18next.use(initReactI18next).init({
    lng: language,
    resources: { [language]: { translation: await load[language]() } },
    fallbackLng: false,
    interpolation: { escapeValue: false },
    returnNull: false,
    // Keys hold underscores of the API's own words (false_positive); plurals and contexts are not used.
    contextSeparator: '|',
    pluralSeparator: '|',
  })
}

export async function chooseLanguage(language: Language): Promise<void> {
  i18next.addResourceBundle(language, 'translation', await load[language]())
  remember('language', language)
  document.documentElement.lang = language
  await i18next.changeLanguage(language)
}
