import { describe, expect, it } from 'vitest'
import { createRuleProof } from '../../server/src/app/rule-proof.ts'
import { shippedContentDir } from '../../server/src/config/content-dir.ts'
import { readRuleFolders } from '../../server/src/detect/rule-folder.ts'
import { loadLookups } from '../../server/src/detect/sigma/logsource.ts'
import { loadParsers } from '../../server/src/normalise/load.ts'
import { captureScenarios } from '../../server/src/traffic/sample-capture.ts'

const contentDir = shippedContentDir()
const folders = readRuleFolders(contentDir, captureScenarios)
const { prove, mutate } = createRuleProof(loadParsers([contentDir]).parsers, loadLookups(contentDir), 'Asia/Shanghai')

/** Every rule is proven on records in the format of their source: some on which it fires, some on which it stays silent. */
describe('shipped rules', () => {
  it('are at least 150', () => {
    expect(folders.length).toBeGreaterThanOrEqual(150)
  })

  it.each(folders.map((folder) => ({ path: folder.path, folder })))('$path is proven on its samples', ({ folder }) => {
    expect(folder.fires.length).toBeGreaterThan(0)
    expect(folder.silent.length).toBeGreaterThan(0)
    expect(prove(folder)).toEqual([])
  })

  it.each(folders.map((folder) => ({ path: folder.path, folder })))(
    'every small change of $path breaks a sample',
    ({ folder }) => {
      const { mutants, survivors, needless } = mutate(folder)
      expect(mutants).toBeGreaterThan(1)
      expect({ survivors, needless }).toEqual({ survivors: [], needless: [] })
    },
  )
})
