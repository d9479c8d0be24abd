import { z } from 'zod'
import { listSettings } from '../../state/settings/list.ts'
import { putSetting } from '../../state/settings/put.ts'
import type { SettingKey, Settings } from '../../state/settings/setting.ts'
import type { App } from '../app.ts'
import { contextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { platformSettings } from '../schemas/platform.ts'

/** What is changed while the program runs; what needs a restart stands in the configuration file. */
export function settingRoutes(app: App, dependencies: Dependencies): void {
  const tags = ['settings']
  app.get(
    '/settings',
    {
      config: { access: 'health:read' },
      schema: {
        tags,
        operationId: 'getSettings',
        summary: 'Settings of the whole platform that are changed while it runs',
        response: { 200: platformSettings },
      },
    },
    async (request) => listSettings(contextOf(request, dependencies)),
  )
  app.put(
    '/settings/:key',
    {
      config: { access: 'settings:write' },
      schema: {
        tags,
        operationId: 'putSetting',
        summary: 'Change one of them; only from the root unit',
        params: z.object({ key: z.enum(Object.keys(platformSettings.shape) as [SettingKey, ...SettingKey[]]) }),
        body: z.object({ value: z.unknown() }),
        response: { 200: platformSettings },
      },
    },
    async (request) =>
      putSetting(contextOf(request, dependencies), request.params.key, request.body.value as Settings[SettingKey]),
  )
}
