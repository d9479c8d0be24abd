import {
  AimOutlined,
  AlertOutlined,
  ApartmentOutlined,
  AuditOutlined,
  BellOutlined,
  DashboardOutlined,
  DatabaseOutlined,
  DeploymentUnitOutlined,
  FileSearchOutlined,
  FireOutlined,
  HddOutlined,
  HeartOutlined,
  HistoryOutlined,
  KeyOutlined,
  MinusCircleOutlined,
  SafetyOutlined,
  SettingOutlined,
  SwapOutlined,
  TableOutlined,
} from '@ant-design/icons'
import type { ComponentType } from 'react'
import { withAntDesign } from './theme/withAntDesign.tsx'

interface PageEntry {
  path: string
  /** Key of its name in the words, under `pages`. */
  name: PageName
  load(): Promise<{ default: ComponentType }>
  /** What a person needs to use it; without it the entry is shown disabled, with the reason. */
  permission?: string
  icon?: ComponentType
}

export type PageName =
  | 'overview'
  | 'incidents'
  | 'incident'
  | 'detections'
  | 'detection'
  | 'search'
  | 'event'
  | 'traffic'
  | 'address'
  | 'rules'
  | 'attack'
  | 'runs'
  | 'rule'
  | 'workbench'
  | 'indicators'
  | 'exceptions'
  | 'assets'
  | 'notifications'
  | 'sources'
  | 'source'
  | 'sensors'
  | 'units'
  | 'tokens'
  | 'audit'
  | 'settings'
  | 'health'
  | 'profile'

export type GroupName =
  | 'overview'
  | 'incidents'
  | 'investigate'
  | 'detection'
  | 'assets'
  | 'response'
  | 'system'
  | 'none'

/** The site map: groups of the menu in their order, pages in theirs. Group `none` is reached by links alone. */
export const siteMap: { group: GroupName; pages: PageEntry[] }[] = [
  {
    group: 'overview',
    pages: [
      { path: '/', name: 'overview', icon: DashboardOutlined, load: () => import('./pages/overview/OverviewPage.tsx') },
    ],
  },
  {
    group: 'incidents',
    pages: [
      {
        path: '/incidents',
        name: 'incidents',
        permission: 'incident:read',
        icon: FireOutlined,
        load: withAntDesign(() => import('./pages/incidents/IncidentsPage.tsx')),
      },
      {
        path: '/detections',
        name: 'detections',
        permission: 'detection:read',
        icon: AlertOutlined,
        load: withAntDesign(() => import('./pages/detections/DetectionsPage.tsx')),
      },
    ],
  },
  {
    group: 'investigate',
    pages: [
      {
        path: '/search',
        name: 'search',
        permission: 'event:read',
        icon: FileSearchOutlined,
        load: withAntDesign(() => import('./pages/search/SearchPage.tsx')),
      },
      {
        path: '/traffic',
        name: 'traffic',
        permission: 'event:read',
        icon: SwapOutlined,
        load: withAntDesign(() => import('./pages/traffic/TrafficPage.tsx')),
      },
    ],
  },
  {
    group: 'detection',
    pages: [
      {
        path: '/rules',
        name: 'rules',
        permission: 'rule:read',
        icon: SafetyOutlined,
        load: withAntDesign(() => import('./pages/rules/RulesPage.tsx')),
      },
      {
        path: '/attack',
        name: 'attack',
        permission: 'rule:read',
        icon: TableOutlined,
        load: () => import('./pages/attack/AttackPage.tsx'),
      },
      {
        path: '/runs',
        name: 'runs',
        permission: 'rule:read',
        icon: HistoryOutlined,
        load: withAntDesign(() => import('./pages/runs/RunsPage.tsx')),
      },
      {
        path: '/indicators',
        name: 'indicators',
        permission: 'rule:read',
        icon: AimOutlined,
        load: withAntDesign(() => import('./pages/indicators/IndicatorsPage.tsx')),
      },
      {
        path: '/exceptions',
        name: 'exceptions',
        permission: 'detection:read',
        icon: MinusCircleOutlined,
        load: withAntDesign(() => import('./pages/exceptions/ExceptionsPage.tsx')),
      },
    ],
  },
  {
    group: 'assets',
    pages: [
      {
        path: '/assets',
        name: 'assets',
        permission: 'source:read',
        icon: HddOutlined,
        load: withAntDesign(() => import('./pages/assets/AssetsPage.tsx')),
      },
    ],
  },
  {
    group: 'response',
    pages: [
      {
        path: '/notifications',
        name: 'notifications',
        permission: 'notification:read',
        icon: BellOutlined,
        load: withAntDesign(() => import('./pages/notifications/NotificationsPage.tsx')),
      },
    ],
  },
  {
    group: 'system',
    pages: [
      {
        path: '/sources',
        name: 'sources',
        permission: 'source:read',
        icon: DatabaseOutlined,
        load: withAntDesign(() => import('./pages/sources/SourcesPage.tsx')),
      },
      {
        path: '/sensors',
        name: 'sensors',
        permission: 'source:read',
        icon: DeploymentUnitOutlined,
        load: withAntDesign(() => import('./pages/sensors/SensorsPage.tsx')),
      },
      {
        path: '/units',
        name: 'units',
        permission: 'user:read',
        icon: ApartmentOutlined,
        load: withAntDesign(() => import('./pages/units/UnitsPage.tsx')),
      },
      {
        path: '/tokens',
        name: 'tokens',
        permission: 'token:write',
        icon: KeyOutlined,
        load: withAntDesign(() => import('./pages/tokens/TokensPage.tsx')),
      },
      {
        path: '/audit',
        name: 'audit',
        permission: 'audit:read',
        icon: AuditOutlined,
        load: withAntDesign(() => import('./pages/audit/AuditPage.tsx')),
      },
      {
        path: '/settings',
        name: 'settings',
        permission: 'settings:write',
        icon: SettingOutlined,
        load: () => import('./pages/settings/SettingsPage.tsx'),
      },
      {
        path: '/health',
        name: 'health',
        permission: 'health:read',
        icon: HeartOutlined,
        load: () => import('./pages/health/HealthPage.tsx'),
      },
    ],
  },
  {
    group: 'none',
    pages: [
      {
        path: '/incidents/$id',
        name: 'incident',
        permission: 'incident:read',
        load: withAntDesign(() => import('./pages/incidents/IncidentPage.tsx')),
      },
      {
        path: '/detections/$id',
        name: 'detection',
        permission: 'detection:read',
        load: withAntDesign(() => import('./pages/detections/DetectionPage.tsx')),
      },
      {
        path: '/rules/$id',
        name: 'rule',
        permission: 'rule:read',
        load: withAntDesign(() => import('./pages/rules/RulePage.tsx')),
      },
      {
        path: '/workbench',
        name: 'workbench',
        permission: 'rule:read',
        load: withAntDesign(() => import('./pages/workbench/WorkbenchPage.tsx')),
      },
      {
        path: '/events/$id',
        name: 'event',
        permission: 'event:read',
        load: withAntDesign(() => import('./pages/search/EventPage.tsx')),
      },
      {
        path: '/addresses',
        name: 'address',
        permission: 'event:read',
        load: withAntDesign(() => import('./pages/traffic/AddressPage.tsx')),
      },
      {
        path: '/sources/$id',
        name: 'source',
        permission: 'source:read',
        load: withAntDesign(() => import('./pages/sources/SourcePage.tsx')),
      },
      { path: '/profile', name: 'profile', load: withAntDesign(() => import('./pages/profile/ProfilePage.tsx')) },
    ],
  },
]
