import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'
import { handleMockRequest } from './mock-api/server.ts'

/** `npm run dev` alone answers from mock-api; with WATCHFIRE_URL set it proxies to that running server instead. */
const server = process.env.WATCHFIRE_URL

const mockApi: Plugin = {
  name: 'mock-api',
  configureServer: (vite) => {
    vite.middlewares.use((request, response, next) => {
      if (!request.url?.startsWith('/api/')) return next()
      handleMockRequest(request, response).catch(next)
    })
  },
}

/** Beside every built text a brotli and a gzip copy, so that the server need not compress while answering. */
const compress: Plugin = {
  name: 'compress',
  apply: 'build',
  writeBundle: (options, bundle) => {
    for (const name of Object.keys(bundle)) {
      if (!/\.(js|css|svg|html)$/.test(name) || options.dir === undefined) continue
      const path = join(options.dir, name)
      const content = readFileSync(path)
      if (content.length < 1024) continue
      writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }))
      writeFileSync(`${path}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }))
    }
  },
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: server ? [react(), compress] : [react(), mockApi, compress],
  server: server ? { proxy: { '/api': { target: server, changeOrigin: false } } } : {},
  build: { target: 'es2022', chunkSizeWarningLimit: 1200, modulePreload: { polyfill: false } },
})
