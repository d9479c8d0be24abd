import { ConfigProvider, theme } from 'antd'
import type { Locale } from 'antd/es/locale'
import { type ReactNode, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { fontFamily, monoFamily } from './palette.ts'
import { useTheme } from './theme.tsx'

/** Ant Design in our colours, density and language. */
export function AntTheme({ children }: { children: ReactNode }) {
  const { mode, palette } = useTheme()
  const { i18n } = useTranslation()
  const still = useStill()
  const [locale, setLocale] = useState<Locale>()
  useEffect(() => {
    let current = true
    void loadLocale(i18n.language).then((loaded) => current && setLocale(loaded))
    return () => {
      current = false
    }
  }, [i18n.language])
  const config = useMemo(
    () => ({
      algorithm: mode === 'dark' ? [theme.darkAlgorithm] : [theme.defaultAlgorithm],
      token: {
        colorPrimary: palette.accent,
        colorInfo: palette.accent,
        colorSuccess: palette.good,
        colorWarning: palette.warn,
        colorError: palette.bad,
        colorTextBase: palette.text,
        colorBgBase: palette.surface,
        colorBgElevated: palette.raised,
        colorBorder: palette.lineStrong,
        colorTextPlaceholder: palette.textFaint,
        colorTextLightSolid: palette.accentText,
        borderRadius: 5,
        fontSize: 13,
        controlHeight: 28,
        fontFamily,
        fontFamilyCode: monoFamily,
        motionDurationMid: '0.12s',
        motionDurationSlow: '0.16s',
        zIndexPopupBase: 1200,
        // Ant Design must know: lists that wait for an animation which never comes stay out of sight.
        motion: !still,
      },
      components: { Form: { itemMarginBottom: 14, verticalLabelPadding: '0 0 2px' } },
    }),
    [mode, palette, still],
  )
  return (
    <ConfigProvider theme={config} locale={locale} wave={{ disabled: true }} button={{ autoInsertSpace: false }}>
      {children}
    </ConfigProvider>
  )
}

const lessMotion = '(prefers-reduced-motion: reduce)'

/** Whether the reader asked for less motion. */
function useStill(): boolean {
  return useSyncExternalStore(
    (listen) => {
      const query = window.matchMedia(lessMotion)
      query.addEventListener('change', listen)
      return () => query.removeEventListener('change', listen)
    },
    () => window.matchMedia(lessMotion).matches,
  )
}

async function loadLocale(language: string): Promise<Locale> {
  if (language === 'en') return (await import('antd/es/locale/en_US')).default
  const [{ default: locale }, { default: dayjs }] = await Promise.all([
    import('antd/es/locale/zh_CN'),
    import('dayjs'),
    import('dayjs/locale/zh-cn'),
  ])
  dayjs.locale('zh-cn')
  return locale
}
