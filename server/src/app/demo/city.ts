/**
 * Yunlu (云麓市), a city that does not exist: three offices, their machines and people. Addresses on the internet are
 * those reserved for documentation (RFC 5737), names end in `.example` (RFC 2606).
 */

export interface DemoUnit {
  code: string
  name: string
}

export const city: DemoUnit = { code: 'DEMO-YUNLU', name: '云麓市（演示）' }

const units = {
  data: { code: 'DEMO-YUNLU-DATA', name: '市政务服务数据管理局' },
  housing: { code: 'DEMO-YUNLU-HOUSING', name: '市住房和城乡建设局' },
  finance: { code: 'DEMO-YUNLU-FINANCE', name: '市财政局' },
} satisfies Record<string, DemoUnit>

export const offices: DemoUnit[] = Object.values(units)

export interface DemoHost {
  name: string
  address: string
  unit: DemoUnit
  kind: 'server' | 'workstation' | 'firewall'
  criticality: 'low' | 'medium' | 'high' | 'critical'
}

const host = (
  name: string,
  address: string,
  unit: DemoUnit,
  criticality: DemoHost['criticality'] = 'medium',
  kind: DemoHost['kind'] = 'server',
): DemoHost => ({ name, address, unit, kind, criticality })

export const hosts = {
  portal: host('portal-web-01', '10.20.3.11', units.data, 'critical'),
  portalSecond: host('portal-web-02', '10.20.3.12', units.data, 'critical'),
  approval: host('app-01', '10.20.3.21', units.data, 'high'),
  exchange: host('app-02', '10.20.3.22', units.data, 'high'),
  database: host('db-01', '10.20.3.31', units.data, 'critical'),
  firewall: host('fw-border-01', '10.20.0.1', units.data, 'high', 'firewall'),
  resolver: host('dns-01', '10.20.0.2', units.data, 'high'),
  jump: host('jump-01', '10.20.0.5', units.data, 'high'),
  housingWeb: host('house-web-01', '10.20.5.11', units.housing),
  housingApp: host('house-app-01', '10.20.5.21', units.housing, 'high'),
  housingDesk: host('ws-house-03', '10.20.5.103', units.housing, 'low', 'workstation'),
  controller: host('dc-01', '10.20.7.2', units.finance, 'critical'),
  files: host('srv-file-02', '10.20.7.12', units.finance, 'high'),
  financeDesk: host('ws-finance-07', '10.20.7.107', units.finance, 'medium', 'workstation'),
}

export const linuxHosts = [
  hosts.portal,
  hosts.portalSecond,
  hosts.approval,
  hosts.exchange,
  hosts.database,
  hosts.housingWeb,
  hosts.housingApp,
]
export const windowsHosts = [hosts.controller, hosts.files, hosts.financeDesk, hosts.housingDesk]
export const people = ['zhang.wei', 'li.na', 'chen.jie', 'wang.li', 'liu.yang', 'zhao.min', 'sun.hao', 'zhou.ting']
export const operators = ['ops', 'deploy', 'dba']

/** Who breaks in, and where the stolen data goes. */
export const attacker = { address: '203.0.113.45', relay: '198.51.100.77', domain: 'update-cdn.example' }
