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

export default defineConfig({
  root: import.meta.dirname,
  plugins: server ? [react()] : [react(), mockApi],
  server: server ? { proxy: { '/api': { target: server, changeOrigin: false } } } : {},
  build: { target: 'es2022', chunkSizeWarningLimit: 1200, modulePreload: { polyfill: false } },
})
