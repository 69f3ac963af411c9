import { SabotError } from '../core/errors.js'

let loading: Promise<WebAssembly.Module> | undefined

/**
 * The compiled kernels, once a page or worker: the SIMD build where the browser takes it, else the scalar one.
 * Fails with KERNEL_UNAVAILABLE.
 */
export function kernelModule(): Promise<WebAssembly.Module> {
  loading ??= load().catch(cause => {
    // What failed to load, such as for a lost connection, may be tried again.
    loading = undefined
    throw cause
  })
  return loading
}

async function load(): Promise<WebAssembly.Module> {
  // Bundlers find the files by these very expressions.
  const simd = new URL('../../build/sabot.wasm', import.meta.url)
  try {
    return await compile(simd)
  } catch (cause) {
    if (!(cause instanceof WebAssembly.CompileError)) throw cause
    return await compile(new URL('../../build/sabot.scalar.wasm', import.meta.url))
  }
}

async function compile(url: URL): Promise<WebAssembly.Module> {
  let response: Response
  try {
    response = await fetch(url)
  } catch (cause) {
    throw new SabotError(
      'KERNEL_UNAVAILABLE',
      `the kernels cannot be loaded from ${url}; check the connection and reload`,
      { url: url.href },
      { cause },
    )
  }
  if (!response.ok) {
    throw new SabotError(
      'KERNEL_UNAVAILABLE',
      `the kernels are not at ${url} (status ${response.status}); deploy the .wasm files with the scripts`,
      { url: url.href, status: response.status },
    )
  }
  // Compiling while it arrives needs the right type, which not every static server gives.
  const streams = response.headers.get('content-type')?.startsWith('application/wasm') ?? false
  return streams ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer())
}
