import type { FieldValue } from '../../event/event.ts'

/**
 * Named changes of a value between our field and the one a Sigma rule means (content/lookups/sigma-fields.yml). Each
 * takes the first present value and all values by field name (undefined where absent).
 */
export type Transform = (first: FieldValue, values: ReadonlyMap<string, FieldValue>) => FieldValue

/** Registry roots as the kernel writes them (audit event 4657) and as Sysmon does. */
const registryRoots: [RegExp, string][] = [
  [/^\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet\d{3}\\/i, 'HKLM\\System\\CurrentControlSet\\'],
  [/^\\REGISTRY\\MACHINE\\/i, 'HKLM\\'],
  [/^\\REGISTRY\\USER\\/i, 'HKU\\'],
]

const hashNames: Record<string, string> = { md5: 'MD5', sha1: 'SHA1', sha256: 'SHA256', imphash: 'IMPHASH' }

export const transforms: Readonly<Record<string, Transform>> = {
  /** `0x1a4` -> 420. */
  hexNumber: (value) => (typeof value === 'string' && /^0x[0-9a-f]{1,12}$/i.test(value) ? Number(value) : value),

  /** `\REGISTRY\MACHINE\…` and the value's name -> `HKLM\…\name`. */
  registryPath: (value, values) => {
    let path = String(value)
    for (const [root, short] of registryRoots) path = path.replace(root, () => short)
    const [, name] = [...values.values()]
    return name === undefined || name === null || name === '' ? path : `${path}\\${String(name)}`
  },

  /** Audit event 4657 names the operation by a message number (%%1904 created, %%1905 modified, %%1906 deleted). */
  setValue: (value) => (value === '%%1906' ? 'DeleteValue' : 'SetValue'),

  /** `\device\harddiskvolume3\windows\x.exe` -> `C:\windows\x.exe`: the drive letter is not in the event; the system's is assumed. */
  devicePath: (value) =>
    typeof value === 'string' ? value.replace(/^\\device\\harddiskvolume\d+\\/i, () => 'C:\\') : value,

  /** Direction in its various words -> Sysmon's `Initiated` (true: this host opened the connection). */
  initiated: (value) => {
    const text = String(value).toLowerCase()
    if (['true', 'egress', 'outbound', '%%14593'].includes(text)) return 'true'
    if (['false', 'ingress', 'inbound', '%%14592'].includes(text)) return 'false'
    return value
  },

  /** Single hashes -> Sysmon's one text `MD5=…,SHA256=…` in upper case; a text that is already so stays. */
  hashes: (first, values) => {
    if (typeof first === 'string' && first.includes('=')) return first
    const parts = [...values].flatMap(([field, value]) => {
      const name = hashNames[field.slice(field.lastIndexOf('.') + 1)]
      return name === undefined || typeof value !== 'string' ? [] : [`${name}=${value.toUpperCase()}`]
    })
    return parts.length > 0 ? parts.join(',') : first
  },

  /** The part of a request target behind the first `?`; web rules mean it with or without. */
  uriQuery: (value) => {
    if (typeof value !== 'string') return value
    const mark = value.indexOf('?')
    return mark < 0 ? value : value.slice(mark + 1)
  },
}
