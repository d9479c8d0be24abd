import type { ComponentType } from 'react'

/** Loads a page together with Ant Design in our theme; pages that do without it start faster. */
export function withAntDesign(
  load: () => Promise<{ default: ComponentType }>,
): () => Promise<{ default: ComponentType }> {
  return async () => {
    const [{ AntTheme }, { default: Page }] = await Promise.all([import('./AntTheme.tsx'), load()])
    return {
      default: function ThemedPage() {
        return (
          <AntTheme>
            <Page />
          </AntTheme>
        )
      },
    }
  }
}
