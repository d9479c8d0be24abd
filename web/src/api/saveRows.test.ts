import { expect, it } from 'vitest'
import { csvOf } from './saveRows.ts'

it('quotes what needs it, keeps Chinese readable and disarms formulas', () => {
  const rows = [
    { name: '门户, "一"', count: -1, note: '=HYPERLINK("x")' },
    { name: 'two\nlines', tags: ['a'] },
  ]
  expect(csvOf(rows)).toBe(
    '\ufeffname,count,note,tags\r\n"门户, ""一""",-1,"\'=HYPERLINK(""x"")",\r\n"two\nlines",,,"[""a""]"\r\n',
  )
})
