import type { IncomingMessage, ServerResponse } from 'node:http'
export async function handleMockRequest(_q: IncomingMessage, response: ServerResponse) { response.statusCode = 503; response.end('{}') }
