// @vitest-environment happy-dom
import { beforeAll, describe, expect, it } from 'vitest'
import type { Schemas } from '../api/client.ts'
import { ApiError } from '../api/problem.ts'
import { chooseLanguage, startWords } from '../i18n/i18n.ts'
import { zhCN } from '../i18n/zh-CN.ts'
import { messageOf } from './problemText.ts'

type Problem = NonNullable<Schemas['ValidateResult']['problem']>

const { type: _, ...codes } = zhCN.queryProblem
const parameters = {
  ...{ limit: '40', field: 'source.port', meant: 'source.port', found: ')', word: 'and', type: 'long' },
  ...{ value: 'http', example: '443' },
}
const said = (problem: Problem['problem']) =>
  messageOf(
    new ApiError(400, {
      error: {
        code: 'QUERY_INVALID',
        message: 'English of the server',
        detail: { problem, parameters, position: 11, length: 4, suggestions: [] },
      },
    }),
  )

describe('what is wrong with a query', () => {
  beforeAll(startWords)

  it.each(Object.keys(codes) as Problem['problem'][])(
    '%s is said in the language of the page, with its place',
    async (problem) => {
      await chooseLanguage('zh-CN')
      const chinese = said(problem)
      expect(chinese).toMatch(/\p{Script=Han}/u)
      expect(chinese).toContain('12')
      expect(chinese).not.toMatch(/[{}]|undefined|English|whole number/)
      await chooseLanguage('en')
      expect(said(problem)).not.toMatch(/[{}]|undefined|English of|\p{Script=Han}/u)
    },
  )
})
