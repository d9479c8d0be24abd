import { useTranslation } from 'react-i18next'

/** True for a field whose values may come from the shipped table of autonomous systems. */
export const isSystemField = (name: string) => /(^|\.)as\.(number|organization\.name)$/.test(name)

/** The link that the licence of the shipped table of autonomous systems asks for on every page that shows values of it. */
export function AddressCredit() {
  const { t } = useTranslation()
  return (
    <p className="faint small" data-testid="address-credit">
      {t('credits.systems')}{' '}
      <a href="https://db-ip.com" target="_blank" rel="noreferrer">
        IP Geolocation by DB-IP
      </a>
    </p>
  )
}
