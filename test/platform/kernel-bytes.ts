/* The built kernels' bytes in Node. In the browser `kernel-bytes.browser.ts` stands in for this (vitest.config.ts). */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

export async function kernelBytes(file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(fileURLToPath(new URL(`../../build/${file}`, import.meta.url))))
  } catch (error) {
    throw new Error(`build/${file} is not built: run "node scripts/build-wasm.mjs" first`, { cause: error })
  }
}
