/*
 * Builds the kernels: every target of asconfig.json into build/. Fails when a target does not compile, or when a
 * module imports anything. Prints sizes.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import asc from 'assemblyscript/asc'

const root = fileURLToPath(new URL('..', import.meta.url))
const config = JSON.parse(await readFile(new URL('../asconfig.json', import.meta.url), 'utf8'))
await mkdir(new URL('../build/', import.meta.url), { recursive: true })

const kilobytes = bytes => `${(bytes / 1000).toFixed(1)} kB`

for (const [target, { outFile }] of Object.entries(config.targets)) {
  const { error, stderr } = await asc.main(['--config', 'asconfig.json', '--target', target, '--baseDir', root])
  const messages = stderr.toString()
  if (error !== null || messages.includes('WARNING')) {
    console.error(messages)
    console.error(`sabot kernels: target "${target}" does not compile cleanly${error ? `: ${error.message}` : ''}`)
    process.exit(1)
  }
  const bytes = await readFile(new URL(`../${outFile}`, import.meta.url))
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes))
  if (imports.length > 0) {
    const names = imports.map(({ module, name }) => `${module}.${name}`).join(', ')
    console.error(`sabot kernels: ${outFile} imports ${names}; a kernel imports nothing`)
    process.exit(1)
  }
  console.log(`${outFile}  ${kilobytes(bytes.length)}, gzip ${kilobytes(gzipSync(bytes, { level: 9 }).length)}`)
}
