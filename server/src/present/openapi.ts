import swagger from '@fastify/swagger'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { globalRegistry } from 'zod'
import type { App } from './app.ts'
import { errorBody } from './schemas/common.ts'

type Node = { [key: string]: unknown }

/** Documents every /api/v1 route that is registered after it (OpenAPI 3.1, JSON Schema 2020-12). */
export function registerOpenApi(app: App, version: string): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Watchfire',
        version,
        description:
          'Lists answer `{ items, total, next }`; failures answer `{ error: { code, message, hint, detail, requestId } }`.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          session: { type: 'apiKey', in: 'cookie', name: 'watchfire_session' },
          bearer: { type: 'http', scheme: 'bearer' },
        },
      },
      security: [{ bearer: [] }, { session: [] }],
    },
    transform: (document) => {
      const hidden = !document.url.startsWith('/api/v1/') || document.url === '/api/v1/openapi.json'
      const { schema, url } = jsonSchemaTransform({ ...document, schema: { ...document.schema, hide: hidden } })
      if (hidden) return { schema, url }
      const access = document.route.config?.access
      const described = schema as Node
      described.response = describeAnswers(
        (described.response ?? {}) as Node,
        described.produces as string[] | undefined,
      )
      if (document.route.config?.conditional) described.headers = conditionalHeaders
      described['x-access'] = access
      if (access === 'public') described.security = []
      return { schema, url }
    },
    transformObject: (document) => tidyComponents(jsonSchemaTransformObject(document) as unknown as Node) as never,
  })
}

const conditionalHeaders = {
  type: 'object',
  properties: {
    'if-match': {
      type: 'string',
      description:
        'The ETag (the `version`, in quotes) of the state that the change was thought out on; when it has another by now, nothing is changed and the answer is CHANGED_MEANWHILE. Without it the last writer wins.',
    },
  },
}

/** Adds what every route may answer: the error body, and for streams a body that is text. */
function describeAnswers(answers: Node, produces: string[] | undefined): Node {
  const described: Node = { ...answers }
  if (produces) {
    const content = Object.fromEntries(produces.map((type) => [type, { schema: { type: 'string' } }]))
    described['200'] = { description: 'A stream of text.', content }
  }
  described.default = {
    description: 'What went wrong.',
    $ref: `#/components/schemas/${globalRegistry.get(errorBody)?.id}`,
  }
  return described
}

/**
 * Every named schema comes as an input and an output twin. Folds twins that say the same into one, and leaves out what
 * nothing refers to.
 */
function tidyComponents(document: Node): Node {
  const schemas = (document.components as { schemas: Record<string, unknown> }).schemas
  const twins = Object.keys(schemas).filter((name) => sameSchema(schemas, name, name.replace(/Input$/, '')))
  const folded = JSON.parse(
    twins.reduce(
      (text, name) => text.replaceAll(`schemas/${name}"`, `schemas/${name.slice(0, -5)}"`),
      JSON.stringify(document),
    ),
  ) as { paths: Node; components: { schemas: Record<string, unknown> } }
  const used = new Set<string>()
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    for (const [key, value] of Object.entries(node)) {
      if (key !== '$ref' || typeof value !== 'string') visit(value)
      else {
        const name = value.slice(value.lastIndexOf('/') + 1)
        if (used.has(name)) continue
        used.add(name)
        visit(folded.components.schemas[name])
      }
    }
  }
  visit(folded.paths)
  folded.components.schemas = Object.fromEntries(
    Object.entries(folded.components.schemas).filter(([name]) => used.has(name)),
  )
  return folded
}

function sameSchema(schemas: Record<string, unknown>, input: string, output: string): boolean {
  return input !== output && output in schemas && JSON.stringify(schemas[input]) === JSON.stringify(schemas[output])
}
