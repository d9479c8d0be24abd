import { describe, expect, it } from 'vitest'
import { createRuleProof } from '../../server/src/app/rule-proof.ts'
import { shippedContentDir } from '../../server/src/config/content-dir.ts'
import { readRuleFolders } from '../../server/src/detect/rule-folder.ts'
import { loadLookups } from '../../server/src/detect/sigma/logsource.ts'
import { loadParsers } from '../../server/src/normalise/load.ts'

const contentDir = shippedContentDir()
const folders = readRuleFolders(contentDir)
const { prove } = createRuleProof(loadParsers([contentDir]).parsers, loadLookups(contentDir), 'Asia/Shanghai')

/** Every rule is proven on records in the format of their source: some on which it fires, some on which it stays silent. */
describe('shipped rules', () => {
  it('are at least forty', () => {
    expect(folders.length).toBeGreaterThanOrEqual(40)
  })

  it.each(folders.map((folder) => ({ path: folder.path, folder })))('$path is proven on its samples', ({ folder }) => {
    expect(folder.fires.length).toBeGreaterThan(0)
    expect(folder.silent.length).toBeGreaterThan(0)
    expect(prove(folder)).toEqual([])
  })
})
