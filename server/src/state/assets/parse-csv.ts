import { csvRows } from '../../lib/csv.ts'
import type { ImportLine } from './import.ts'

/** Header names, in both languages, to the fact each column holds. */
const columnNames: Record<string, string> = {
  name: 'name',
  名称: 'name',
  kind: 'kind',
  类型: 'kind',
  addresses: 'addresses',
  address: 'addresses',
  地址: 'addresses',
  hostnames: 'hostNames',
  hostname: 'hostNames',
  主机名: 'hostNames',
  criticality: 'criticality',
  重要性: 'criticality',
  owner: 'owner',
  责任人: 'owner',
  unitid: 'unitId',
  单位: 'unitId',
  tags: 'tags',
  标签: 'tags',
}

const lists = new Set(['addresses', 'hostNames', 'tags'])

/**
 * Lines for `importAssets` from comma-separated values with a header (名称,地址,主机名,… or name,addresses,hostNames,…).
 * Lists are separated by semicolons or spaces; empty cells are left out. Columns of other names are ignored.
 */
export function parseAssetsCsv(text: string): ImportLine[] {
  const lines: ImportLine[] = []
  let columns: (string | undefined)[] | undefined
  for (const { line, fields } of csvRows(text)) {
    if (columns === undefined) {
      columns = fields.map((field) => columnNames[field.toLowerCase().replace(/[\s_-]/g, '')])
      continue
    }
    const item: Record<string, unknown> = {}
    for (const [index, field] of fields.entries()) {
      const column = columns[index]
      if (column === undefined || field === '') continue
      item[column] = lists.has(column) ? field.split(/[;；\s]+/).filter((part) => part !== '') : field
    }
    lines.push({ line, item })
  }
  return lines
}
