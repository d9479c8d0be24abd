import { useNavigate } from '@tanstack/react-router'
import { useRef } from 'react'
import { useCan } from '../api/session.tsx'
import { type PageName, siteMap } from '../routes.tsx'
import { type KeyMap, useKeys } from '../ui/keys.ts'

/** `g`, then one of these: the page opens. */
export const goKeys: Record<string, PageName> = {
  o: 'overview',
  i: 'incidents',
  d: 'detections',
  s: 'search',
  r: 'rules',
  m: 'attack',
  e: 'exceptions',
  a: 'assets',
  n: 'notifications',
  q: 'sources',
  u: 'units',
  l: 'audit',
  h: 'health',
}

/** The second key comes within this time. */
const withinMs = 1_500

/** Opens pages by two keys, as people who never leave the keyboard do. */
export function useGoKeys(): void {
  const navigate = useNavigate()
  const can = useCan()
  const begunMs = useRef(Number.NEGATIVE_INFINITY)
  const pages = siteMap.flatMap((group) => group.pages)
  const keys: KeyMap = {
    g: (event) => {
      begunMs.current = event.timeStamp
    },
  }
  for (const [key, name] of Object.entries(goKeys)) {
    keys[key] = (event) => {
      const isSecond = event.timeStamp - begunMs.current <= withinMs
      begunMs.current = Number.NEGATIVE_INFINITY
      const page = pages.find((one) => one.name === name)
      if (isSecond && page && can(page.permission) === undefined) void navigate({ to: page.path as '/' })
    }
  }
  useKeys(keys)
}
