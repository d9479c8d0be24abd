import fastify from 'fastify'
import { expect, test } from 'vitest'
import { CodedError } from '../event/errors.ts'
import { sendDownload } from './download.ts'
import { answerError } from './errors.ts'

async function* batchesOf(...batches: object[][]): AsyncGenerator<object[]> {
  yield* batches
}

async function download(format: 'csv' | 'ndjson', batches: AsyncGenerator<object[]>, columns?: string[]) {
  const app = fastify()
  app.setErrorHandler(answerError)
  app.get('/', (_request, reply) => sendDownload(reply, { name: 'things', format, columns }, batches))
  const answer = await app.inject('/')
  await app.close()
  return answer
}

test('CSV is RFC 4180 with a byte order mark, and holds nothing a spreadsheet would run', async () => {
  const rows = batchesOf(
    [{ a: '=1+1', b: 'x,"y"', c: -5 }],
    [{ a: '@cmd', b: '两\n行', c: new Date(0) }],
    [{ b: ['x'] }],
  )
  const { body, headers } = await download('csv', rows)
  expect(headers['content-disposition']).toBe('attachment; filename="things.csv"')
  expect(body).toBe('\ufeffa,b,c\r\n\'=1+1,"x,""y""",-5\r\n\'@cmd,"两\n行",1970-01-01T00:00:00.000Z\r\n,"[""x""]",\r\n')
})

test('nothing found still has its head line', async () => {
  expect((await download('csv', batchesOf(), ['a', 'b'])).body).toBe('\ufeffa,b\r\n')
  expect((await download('ndjson', batchesOf([{ a: 1 }, { a: 2 }]))).body).toBe('{"a":1}\n{"a":2}\n')
})

test('what goes wrong before the first line is answered with its code', async () => {
  // biome-ignore lint/correctness/useYield: it fails before it has anything
  async function* failing(): AsyncGenerator<object[]> {
    throw new CodedError('QUERY_TOO_LONG', 'too long')
  }
  const answer = await download('ndjson', failing())
  expect([answer.statusCode, answer.json().error.code]).toEqual([422, 'QUERY_TOO_LONG'])
})
