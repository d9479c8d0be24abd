import type { Words } from './zh-CN.ts'

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: Words }
    returnNull: false
    contextSeparator: '|'
    pluralSeparator: '|'
  }
}
