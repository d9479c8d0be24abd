import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react'
import { recall, remember } from '../ui/remember.ts'
import { dark, fontFamily, light, monoFamily, type Palette } from './palette.ts'

export type ThemeChoice = 'light' | 'dark' | 'system'

interface ThemeState {
  choice: ThemeChoice
  mode: 'light' | 'dark'
  palette: Palette
  choose(choice: ThemeChoice): void
}

const ThemeContext = createContext<ThemeState | null>(null)

const systemDark = () => window.matchMedia('(prefers-color-scheme: dark)')

/** Puts the palette on the document as CSS variables and remembers the choice on this device. */
export function ThemeProvider({ children }: { children: ReactNode }) {
  const [choice, setChoice] = useState<ThemeChoice>(() => recall<ThemeChoice>('theme') ?? 'light')
  const [prefersDark, setPrefersDark] = useState(() => systemDark().matches)
  useEffect(() => {
    const query = systemDark()
    const onChange = () => setPrefersDark(query.matches)
    query.addEventListener('change', onChange)
    return () => query.removeEventListener('change', onChange)
  }, [])
  const mode = choice === 'system' ? (prefersDark ? 'dark' : 'light') : choice
  const palette = mode === 'dark' ? dark : light
  useMemo(() => applyPalette(palette, mode), [palette, mode])
  const state = useMemo<ThemeState>(
    () => ({
      choice,
      mode,
      palette,
      choose: (next) => {
        remember('theme', next)
        setChoice(next)
      },
    }),
    [choice, mode, palette],
  )
  return <ThemeContext value={state}>{children}</ThemeContext>
}

export function useTheme(): ThemeState {
  const state = useContext(ThemeContext)
  if (!state) throw new Error('useTheme outside ThemeProvider')
  return state
}

function applyPalette(palette: Palette, mode: 'light' | 'dark') {
  const { style, dataset } = document.documentElement
  for (const [name, colour] of Object.entries(palette)) {
    style.setProperty(`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, colour)
  }
  style.setProperty('--font', fontFamily)
  style.setProperty('--mono', monoFamily)
  style.colorScheme = mode
  dataset.theme = mode
}
