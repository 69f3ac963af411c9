import { describe, expect, it } from 'vitest'
import { arrow, avro } from '../../src/connectors/index.js'
import { decimal, list, nullable, Schema, struct } from '../../src/core/index.js'
import type { FileEncoding } from '../../src/formats/file-encoder.js'
import { arrowEncoding, avroEncoding } from '../../src/formats/table-encoders.js'
import type { Source } from '../../src/operators/source.js'
import { MemoryFiles } from '../../src/testing/memory-files.js'
import { readAll } from '../connectors/reading.js'
import { batchOf } from '../core/arbitraries.js'
import { setting } from '../platform/setting.js'
import { encodeFile } from './encodings.js'
import { Random } from './json-arbitraries.js'

/** Mutated files of each format: of two that share a decoder. */
const MUTATIONS = Math.ceil(setting('SABOT_MUTATIONS', 2000) / 2)
/** A damaged file of some kB has no more rows than that, whatever it says. */
const MOST_ROWS = 1_000_000

const SHAPE = {
  n: 'i32',
  name: nullable('utf8'),
  at: 'timestamp',
  price: nullable(decimal(2)),
  ratio: 'f64',
  flag: nullable('bool'),
  tags: list(nullable('utf8')),
  place: nullable(struct({ city: 'utf8', zip: nullable('i32') })),
} as const

const ROWS = Array.from({ length: 12 }, (_, n) => ({
  n,
  name: n % 5 === 0 ? null : `name ${n % 3} ü`,
  at: 1_700_000_000_000 + n,
  price: n % 4 === 0 ? null : `${n}.25`,
  ratio: n / 3,
  flag: n % 3 === 0 ? null : n % 2 === 0,
  tags: Array.from({ length: n % 4 }, (_, tag) => (tag === 2 ? null : `t${tag}`)),
  place: n % 6 === 0 ? null : { city: `city ${n % 3}`, zip: n % 2 === 0 ? null : n },
}))

interface Format {
  readonly name: string
  readonly encoding: FileEncoding
  readonly source: (path: string, shape: typeof SHAPE) => Source
}

const FORMATS: readonly Format[] = [
  { name: 'arrow file', encoding: arrowEncoding(), source: arrow },
  { name: 'arrow stream', encoding: arrowEncoding({ format: 'stream' }), source: arrow },
  { name: 'avro', encoding: avroEncoding(), source: avro },
  { name: 'avro, not compressed', encoding: avroEncoding({ compression: 'none' }), source: avro },
]

/** Bytes set, filled with ones or zeros, moved, taken out or put in; or the file's end cut off. */
function mutate(original: Uint8Array, random: Random): Uint8Array {
  let bytes = original.slice()
  for (let hit = random.below(3); hit >= 0; hit--) {
    const at = random.below(bytes.length)
    const some = 1 + random.below(8)
    const kind = random.below(20)
    if (kind < 7) bytes[at] = random.below(256)
    else if (kind < 10) bytes.fill(0xff, at, at + some)
    else if (kind < 13) bytes.fill(0, at, at + some)
    else if (kind < 17) bytes.copyWithin(at, random.below(bytes.length), random.below(bytes.length))
    else if (kind < 18) bytes = Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + some))
    else if (kind < 19)
      bytes = Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at, at + some), ...bytes.subarray(at))
    else bytes = bytes.slice(0, 1 + at)
  }
  return bytes
}

describe.each(FORMATS)('damaged files: $name', ({ encoding, source }) => {
  it('give rows or a clear error, and the next file is read as ever', { timeout: 900_000 }, async () => {
    const bytes = await encodeFile(encoding, [batchOf({ schema: Schema.of(SHAPE), rows: ROWS })])
    const random = new Random(11)
    const codes = new Map<string, number>()
    for (let run = 0; run < MUTATIONS; run++) {
      const files = new MemoryFiles()
      files.put('in', mutate(bytes, random))
      try {
        const { rows } = await readAll(source('in', SHAPE), { files })
        expect(rows.length).toBeLessThanOrEqual(MOST_ROWS)
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'SabotError')
          throw new Error(`mutation ${run}`, { cause: error })
        const { code } = error as Error & { code: string }
        codes.set(code, (codes.get(code) ?? 0) + 1)
      }
    }
    const refused = [...codes.values()].reduce((sum, count) => sum + count, 0)
    expect(refused).toBeGreaterThan(MUTATIONS / 4)
    const files = new MemoryFiles()
    files.put('in', bytes)
    expect((await readAll(source('in', SHAPE), { files })).rows).toEqual(ROWS)
  })
})
