import { lazy, Suspense } from 'react'
import { useConflict } from './conflict.ts'

const ConflictDialog = lazy(() => import('./ConflictDialog.tsx'))

/** Shows conflicts one after the other; what it needs is loaded with the first. */
export function Conflicts() {
  const conflict = useConflict()
  if (!conflict) return null
  return (
    <Suspense fallback={null}>
      <ConflictDialog conflict={conflict} />
    </Suspense>
  )
}
