import { UserOutlined } from '@ant-design/icons'
import { useTranslation } from 'react-i18next'
import { useMe } from '../../api/session.tsx'
import { MenuButton, type MenuItem } from '../../ui/Popup.tsx'
import { useUsers } from './useChangeText.ts'

/** To me first, then the colleagues who work on incidents, then nobody. */
export function AssignButton({
  current,
  reason,
  onAssign,
}: {
  current?: string | null
  reason?: string
  onAssign(userId: number | null): void
}) {
  const { t } = useTranslation()
  const { data: me } = useMe()
  const { data } = useUsers()
  const mine = me?.user?.id
  const items: MenuItem[] = []
  if (mine !== undefined)
    items.push({
      key: 'me',
      label: t('incident.assignMe'),
      disabled: reason,
      onChoose: () => onAssign(mine),
      testId: 'assign-me',
    })
  for (const user of data?.items ?? []) {
    if (user.id === mine || user.disabled || !user.role.startsWith('security_')) continue
    items.push({
      key: String(user.id),
      label: user.displayName,
      hint: user.name,
      disabled: reason,
      onChoose: () => onAssign(user.id),
    })
  }
  items.push(
    { key: 'line', label: '', divider: true },
    { key: 'none', label: t('incident.assignNobody'), disabled: reason, onChoose: () => onAssign(null) },
  )
  return (
    <MenuButton label={t('incident.assign')} items={items} className="button" align="left" testId="assign">
      <UserOutlined aria-hidden="true" /> {current ?? t('incident.assign')}
    </MenuButton>
  )
}
