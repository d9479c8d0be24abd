import { coreFields, envelopeFields, fieldType, vendorPrefixes } from '../../event/catalogue.ts'
import { ecsFieldNames } from '../../event/catalogue-ecs.ts'

export interface FieldInfo {
  name: string
  type: string
  description: { zh: string; en: string }
  /** It has a typed column of its own in the event store. */
  column: boolean
}

const envelopeDescriptions: Record<string, FieldInfo['description']> = {
  '@timestamp': { zh: '事件发生的时间', en: 'When it happened' },
  'event.id': { zh: '事件编号', en: 'Id of the event' },
  'event.ingested': { zh: '收到记录的时间', en: 'When the record was received' },
  'event.original': { zh: '原始记录', en: 'The record as it came' },
}

const none = { zh: '', en: '' }

/** The field catalogue as pages show it: what stands beside the fields, core fields, other ECS fields, vendor prefixes. */
export function listFields(): FieldInfo[] {
  const core = new Set(coreFields.map((field) => field.name))
  return [
    ...[...envelopeFields].map(([name, type]) => ({
      name,
      type,
      description: envelopeDescriptions[name] ?? none,
      column: true,
    })),
    ...coreFields.map(({ name, type, description }) => ({ name, type, description, column: true })),
    ...ecsFieldNames()
      .filter((name) => !core.has(name))
      .map((name) => ({ name, type: fieldType(name) ?? 'keyword', description: none, column: false })),
    ...vendorPrefixes.map((prefix) => ({
      name: `${prefix}*`,
      type: 'keyword',
      description: { zh: '来源自有的字段', en: 'Fields of the source’s own' },
      column: false,
    })),
  ]
}
