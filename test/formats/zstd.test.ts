import { describe, expect, it } from 'vitest'
import { loadZstd } from '../../src/formats/zstd.js'
import { seededRandom } from '../../src/testing/seeded-random.js'
import { setting } from '../platform/setting.js'

/** Damaged frames. Files of Parquet and Avro that are damaged have more of them. */
const MUTATIONS = Math.ceil(setting('SABOT_MUTATIONS', 8000) / 4)

const TEXT = Array.from({ length: 120 }, (_, n) => {
  const at = 1_700_000_000_000 + ((n * 7919) % 1009)
  return `{"user":"customer ${n % 17} of ${n}","at":${at},"note":"${'x'.repeat(n % 5)}"}\n`
}).join('')

/** The text as the reference encoder writes it at level 9: Huffman and FSE tables, a checksum, no size. */
const FRAME = Uint8Array.from(
  atob(
    'KLUv/QRgBRkANmZRGKCp0AF4N8tJedMEwGMid0oyJQkskhpOjVkARABFAJ4hzsYvGZlt+Nk8ndRpG36jMbYa2WZsI3KMbqurWh/jrX8ldjtE' +
      'L7ZCRFI+s2AaG0ADApFAKBIWBogA+RKIBAFEAEIOBIuDHA4UBYsEBIUBRAJxoEBQQDAERZptaJ7RVMin6piPdmO8HHHno45sO9o6O6Tes/0Q' +
      'UmewSJbMKtPQKElkpKsbjnAsUYUc4pr509VnkLi2oVGz8484lgceG6cZ7XyD/5AxI/V94x++ZNSDNN3jPYsfMi9n56B8SuWVh0fH7YnMpo7c' +
      'mppUumKfPstKXCRFQ2bQzZNHJrKJWhslzgN1yZDNnq9rb6LMhx/7ROQrDuf3NZ5xYrUuMg6HBgdlsrLMrYxeVdVuFGteb8tUpLfKUqxBMnWZ' +
      'lYlSJFSj9qDd5dEgj4FrqKFYtO2xd/HGjAR12hLg0hxCgCAIQqCwLSYgRHgKSqkH4NJ0+baGTDfz1yC+GBsg1iSRLr+sg6P79dbZ6MT7Yhdd' +
      'el/DRHfr6EF2+UcdusoLMIryVMBCJ3ameGYqV4ofJn9foNNlEB2AGCgoUv+XxG2VblrXIvD6qMo/0Y0Yu9gRhOfLz5i0p8xrwHwg+GUvPbA7' +
      'iUG4Jm1Jq2IpApVXlDMWng1DjTXfdyEvlxCop0ntFzEVdqm8GtPU5o//SrmtaAQp9fSNi44TVpeCk4q/InTv96ZuWWxgW5o8lTugIkB9keLn' +
      'v481ohyKw0YQJEmfHYicgqCUCon6rFpwsVmIL2gXLlN16q2Bu2ARqyK4h5s6agbjCIRyLCrvJl6oLrrsEaD82zdS9EoxbUwW3E1JZ3RwrAph' +
      'IgdYWqFes1eqDTVgopOyo8W0OgCzXGxlpwC0f2G//BfIx6nK+W6Cvt4x+5Oz8xTvSsGIyU/KFUziaFTOLcaVAZXg96KBWEFLMJ1exHJptSsC' +
      'amXFgaqvsqXy2GtKD1LaaFF2QClZf9LtBB2vyQiTQKdL2k9JHUaSDSRP7mw1RheqnTddQiX59CNEDVL2EQcApvWISgED+RqPAbg7SZWHqAKX' +
      '7pBR',
  ),
  char => char.charCodeAt(0),
)

const BYTES = new TextEncoder().encode(TEXT)
const zstd = await loadZstd()

describe('frames of Zstandard', () => {
  it('are decoded whole, of a known or an unknown size, one or several', () => {
    expect(zstd.decompress(FRAME, BYTES.length)).toEqual(BYTES)
    expect(zstd.decompressUpTo(FRAME, 1_000_000)).toEqual(BYTES)
    const two = Uint8Array.of(...FRAME, ...FRAME)
    expect(zstd.decompress(two, BYTES.length * 2).subarray(BYTES.length)).toEqual(BYTES)
    expect(zstd.decompressUpTo(new Uint8Array(), 10)).toHaveLength(0)
  })

  it('are decoded in pieces of any size', () => {
    for (const size of [1, 7, 100, FRAME.length]) {
      const stream = zstd.open()
      const found: number[] = []
      for (let at = 0; at < FRAME.length; at += size) {
        for (const piece of stream.push(FRAME.subarray(at, at + size))) found.push(...piece)
      }
      stream.end()
      stream.destroy()
      expect(Uint8Array.from(found)).toEqual(BYTES)
    }
  })

  it('are refused where they hold another size, or end too early', () => {
    expect(() => zstd.decompress(FRAME, BYTES.length - 1)).toThrow(/more than/)
    expect(() => zstd.decompress(FRAME, BYTES.length + 1)).toThrow(/not/)
    expect(() => zstd.decompressUpTo(FRAME, 100)).toThrow(/more than 100 bytes/)
    for (let length = 1; length < FRAME.length; length++) {
      expect(() => zstd.decompressUpTo(FRAME.subarray(0, length), 1_000_000)).toThrow(RangeError)
    }
  })

  it('are refused where they are damaged: a checksum stands at their end', { timeout: 300_000 }, () => {
    const random = seededRandom(5)
    const below = (limit: number): number => Math.floor(random() * limit)
    let refused = 0
    for (let run = 0; run < MUTATIONS; run++) {
      const damaged = FRAME.slice()
      for (let hit = below(3); hit >= 0; hit--) {
        const at = below(damaged.length)
        if (below(2) === 0) damaged[at] = below(256)
        else damaged.copyWithin(at, below(damaged.length), below(damaged.length))
      }
      try {
        expect(zstd.decompressUpTo(damaged, 100_000)).toEqual(damaged.length === 0 ? new Uint8Array() : BYTES)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
        refused += 1
      }
    }
    expect(refused).toBeGreaterThan(MUTATIONS * 0.8)
    expect(zstd.decompress(FRAME, BYTES.length)).toEqual(BYTES)
  })
})
