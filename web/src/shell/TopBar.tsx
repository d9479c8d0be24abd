import {
  BulbOutlined,
  DisconnectOutlined,
  GlobalOutlined,
  MenuOutlined,
  PauseCircleOutlined,
  PlayCircleOutlined,
  QuestionCircleOutlined,
  UserOutlined,
} from '@ant-design/icons'
import { Link, useNavigate } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { useMe, useSignOut } from '../api/session.tsx'
import { chooseLanguage, currentLanguage } from '../i18n/i18n.ts'
import { useLive } from '../live/live.tsx'
import { type ThemeChoice, useTheme } from '../theme/theme.tsx'
import { formatNumber } from '../ui/format.ts'
import { MenuButton } from '../ui/Popup.tsx'
import { zoneName } from '../ui/time.ts'
import { Beacon } from './Beacon.tsx'
import { openHelp } from './HelpOverlay.tsx'

export function TopBar({ onToggleNavigation }: { onToggleNavigation(): void }) {
  const { t } = useTranslation()
  const { data: me } = useMe()
  const name = me?.user?.displayName ?? me?.name
  // A first account goes by the name of its role.
  const role = me?.user ? t(`role.${me.user.role}`) : undefined
  const signOut = useSignOut()
  const navigate = useNavigate()
  return (
    <header className="top">
      <button
        type="button"
        className="tool"
        aria-label={t('shell.toggleNavigation')}
        title={t('shell.toggleNavigation')}
        onClick={onToggleNavigation}
      >
        <MenuOutlined />
      </button>
      <Link to="/" className="brand">
        <Beacon size={22} />
        {t('brand')}
        <small>{me?.unit.name}</small>
      </Link>
      <div className="tools">
        <LiveControl />
        <span className="chip" title={t('shell.zoneHint')}>
          {zoneName()}
        </span>
        <LanguageSwitch />
        <ThemeSwitch />
        <button
          type="button"
          className="tool keys"
          aria-label={t('help.title')}
          title={`${t('help.title')} (?)`}
          onClick={openHelp}
        >
          <QuestionCircleOutlined />
        </button>
        <MenuButton
          label={t('shell.account')}
          testId="account-menu"
          items={[
            {
              key: 'profile',
              label: t('pages.profile'),
              onChoose: () => void navigate({ to: '/profile' }),
              testId: 'open-profile',
            },
            { key: 'line', label: '', divider: true },
            { key: 'sign-out', label: t('shell.signOut'), onChoose: () => void signOut(), testId: 'sign-out' },
          ]}
        >
          <UserOutlined aria-hidden="true" />
          <span className="name">{name}</span>
          {role !== undefined && role !== name ? <span className="faint small">{role}</span> : null}
        </MenuButton>
      </div>
    </header>
  )
}

/** Whether the screens follow, and the switch to hold them still. */
function LiveControl() {
  const { t } = useTranslation()
  const { status, paused, waiting, pause } = useLive()
  const colour = { live: 'var(--good)', connecting: 'var(--text-faint)', paused: 'var(--warn)', lost: 'var(--bad)' }[
    status
  ]
  return (
    <button
      type="button"
      className="tool"
      data-testid="live"
      data-status={status}
      aria-pressed={!paused}
      title={t(`live.${status}Hint`)}
      onClick={() => pause(!paused)}
    >
      <span style={{ color: colour, display: 'inline-flex' }}>
        {status === 'lost' ? <DisconnectOutlined /> : paused ? <PlayCircleOutlined /> : <PauseCircleOutlined />}
      </span>
      {t(`live.${status}`)}
      {waiting > 0 ? (
        <span className="chip warn">{t('live.waiting', { count: waiting, number: formatNumber(waiting) })}</span>
      ) : null}
    </button>
  )
}

export function LanguageSwitch() {
  const { t } = useTranslation()
  const language = currentLanguage()
  return (
    <button
      type="button"
      className="tool"
      data-testid="language-switch"
      lang={language === 'en' ? 'zh-CN' : 'en'}
      title={t('shell.language')}
      onClick={() => void chooseLanguage(language === 'en' ? 'zh-CN' : 'en')}
    >
      <GlobalOutlined aria-hidden="true" />
      {t('shell.otherLanguage')}
    </button>
  )
}

export function ThemeSwitch() {
  const { t } = useTranslation()
  const { choice, choose } = useTheme()
  const choices: ThemeChoice[] = ['light', 'dark', 'system']
  return (
    <MenuButton
      label={t('theme.label')}
      testId="theme-switch"
      items={choices.map((name) => ({
        key: name,
        label: t(`theme.${name}`),
        hint: name === choice ? '✓' : undefined,
        onChoose: () => choose(name),
        testId: `theme-${name}`,
      }))}
    >
      <BulbOutlined />
    </MenuButton>
  )
}
