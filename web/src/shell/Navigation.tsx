import { Link, useRouterState } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { useCan } from '../api/session.tsx'
import { siteMap } from '../routes.tsx'

/** The menu from the site map. What a role may not open is shown disabled, with the reason on hover. */
export function Navigation({ narrow }: { narrow: boolean }) {
  const { t } = useTranslation()
  const can = useCan()
  const path = useRouterState({ select: (state) => state.location.pathname })
  return (
    <nav className={`navigation ${narrow ? 'narrow' : ''}`} aria-label={t('shell.navigation')}>
      {siteMap
        .filter(({ group }) => group !== 'none')
        .map(({ group, pages }) => (
          <div key={group}>
            {group === 'overview' ? null : (
              <h2>{t(`groups.${group as Exclude<typeof group, 'none' | 'overview'>}`)}</h2>
            )}
            {pages.map(({ path: to, name, permission, icon: Icon }) => {
              const reason = can(permission)
              const label = t(`pages.${name}`)
              const content = (
                <>
                  {Icon ? <Icon /> : null}
                  <span>{label}</span>
                </>
              )
              if (reason !== undefined) {
                return (
                  <div
                    key={to}
                    className="entry"
                    aria-disabled="true"
                    title={`${label}: ${reason}`}
                    data-testid={`nav-${name}`}
                  >
                    {content}
                  </div>
                )
              }
              const active = to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`)
              return (
                <Link
                  key={to}
                  to={to}
                  className={`entry ${active ? 'active' : ''}`}
                  aria-current={active ? 'page' : undefined}
                  title={narrow ? label : undefined}
                  data-testid={`nav-${name}`}
                >
                  {content}
                </Link>
              )
            })}
          </div>
        ))}
    </nav>
  )
}
