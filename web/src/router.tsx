import type { QueryClient } from '@tanstack/react-query'
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { type PageName, siteMap } from './routes.tsx'
import { NotFound } from './shell/NotFound.tsx'
import { RouteProblem } from './shell/RouteProblem.tsx'
import { Shell } from './shell/Shell.tsx'
import { Waiting } from './shell/Waiting.tsx'
import { parseSearch, stringifySearch } from './ui/useUrl.ts'

/** Every page of the site map inside the one frame, which asks who is there before any page is shown. */
export function makeRouter(queries: QueryClient) {
  const root = createRootRoute({ component: Shell, notFoundComponent: NotFound })
  const children = siteMap.flatMap(({ pages }) =>
    pages.map((page) =>
      createRoute({
        getParentRoute: () => root,
        path: page.path,
        component: lazyRouteComponent(page.load),
        staticData: { name: page.name, permission: page.permission },
      }),
    ),
  )
  return createRouter({
    routeTree: root.addChildren(children),
    context: { queries },
    parseSearch,
    stringifySearch,
    defaultPreload: 'intent',
    defaultPendingMs: 100,
    defaultPendingComponent: Waiting,
    defaultErrorComponent: RouteProblem,
    scrollRestoration: false,
  })
}

declare module '@tanstack/react-router' {
  interface StaticDataRouteOption {
    name?: PageName
    permission?: string
  }
}
