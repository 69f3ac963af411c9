import { describe, expect, it } from 'vitest'
import { ABI_VERSION } from '../../assembly/abi.js'

describe.each(['sabot.wasm', 'sabot.scalar.wasm', 'sabot.checked.wasm'])('%s in the browser', file => {
  it('instantiates without imports', async () => {
    const response = await fetch(new URL(`../../build/${file}`, import.meta.url))
    const { instance } = await WebAssembly.instantiate(await response.arrayBuffer())
    expect((instance.exports.abiVersion as () => number)()).toBe(ABI_VERSION)
  })
})
