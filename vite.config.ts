import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

const POLICY = {
  'default-src': "'self'",
  // The page compiles WebAssembly, and evaluates no text.
  'script-src': "'self' 'wasm-unsafe-eval'",
  'img-src': "'self' data:",
  'object-src': "'none'",
  'base-uri': "'none'",
}

/** The built page says what it may load; the development server needs more than that. */
const contentSecurityPolicy: Plugin = {
  name: 'content-security-policy',
  apply: 'build',
  transformIndexHtml: () => {
    const content = Object.entries(POLICY).map(directive => directive.join(' '))
    const attrs = { 'http-equiv': 'Content-Security-Policy', content: content.join('; ') }
    return [{ tag: 'meta', attrs, injectTo: 'head-prepend' }]
  },
}

// The page under web/. It uses the package's sources by the package's names, as a user's page would.
export default defineConfig({
  root: path('./web'),
  // Relative, so that the built page can lie in any folder of any static server.
  base: './',
  // One page: an address that leads nowhere is a 404, not this page again.
  appType: 'mpa',
  resolve: {
    alias: [
      { find: /^sabot$/, replacement: path('./src/index.ts') },
      { find: /^sabot\/browser$/, replacement: path('./src/browser/index.ts') },
    ],
  },
  plugins: [contentSecurityPolicy],
  server: { fs: { allow: [path('.')] } },
  // The worker's libraries too are bundled before the first page loads, not in the middle of a run.
  optimizeDeps: { entries: ['index.html', 'flights.worker.ts'] },
  worker: { format: 'es' },
  build: {
    target: 'es2023',
    outDir: path('./web/dist'),
    emptyOutDir: true,
    // The kernels and the flights stay files of their own, which browsers stream and cache.
    assetsInlineLimit: 0,
  },
})
