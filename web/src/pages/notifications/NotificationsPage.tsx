import { useTranslation } from 'react-i18next'
import { PageHead } from '../../ui/PageHead.tsx'
import { Tabs } from '../../ui/Tabs.tsx'
import { useUrl } from '../../ui/useUrl.ts'
import { Channels } from './Channels.tsx'
import { Deliveries } from './Deliveries.tsx'

/** Where incidents are sent, and what became of each message. */
export default function NotificationsPage() {
  const { t } = useTranslation()
  const [url, setUrl] = useUrl()
  const tab = url.tab ?? (url.state ? 'deliveries' : 'channels')
  return (
    <div className="page fill">
      <PageHead title={t('pages.notifications')} />
      <Tabs
        label={t('pages.notifications')}
        active={tab}
        onChange={(key) => setUrl({ tab: key === 'channels' ? undefined : key, state: undefined }, 'replace')}
        tabs={[
          { key: 'channels', label: t('notification.channels') },
          { key: 'deliveries', label: t('notification.deliveries') },
        ]}
      />
      {tab === 'channels' ? <Channels onShowDeliveries={() => setUrl({ tab: 'deliveries' })} /> : <Deliveries />}
    </div>
  )
}
