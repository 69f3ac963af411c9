import { describe, expect, it } from 'vitest'
import { decimal, nullable, schema } from '../../src/core/index.js'
import { csvDecoder } from '../../src/formats/csv.js'
import type { Kernel } from '../../src/kernel/module.js'
import { builds } from '../kernel/builds.js'
import { setting } from '../platform/setting.js'
import { Random } from './json-arbitraries.js'

/** Mutated inputs in all. */
const MUTATIONS = setting('SABOT_MUTATIONS', 6000)

const encoder = new TextEncoder()
const wanted = schema({
  i: 'i32',
  l: nullable('i64'),
  x: nullable('f64'),
  f: nullable('f32'),
  d: nullable(decimal(2)),
  t: nullable('timestamp'),
  b: nullable('bool'),
  s: 'utf8',
  n: nullable('utf8'),
})
const HEADER = encoder.encode('s,i,unread,l,x,f,d,t,b,n\n')
const LINES = 6
/** How many mutations are tried on the same lines. */
const TURNS = 30
const TOKENS = [
  '"',
  '""',
  '","',
  ',',
  '\n',
  '\r',
  '\\',
  '#',
  ' ',
  '\0',
  '9',
  '-',
  '+',
  '.',
  'e',
  'NaN',
  '\ufeff',
  'é',
  '2001-02-30',
]

function line(random: Random, index: number): Uint8Array {
  const fields = [
    `name ${random.below(5)}`,
    String(index),
    'unread',
    random.below(3) === 0 ? '' : `${random.below(2 ** 31)}${random.below(2 ** 31)}`.slice(0, 18),
    random.below(3) === 0 ? '1e308' : `-${random.below(1000)}.${random.below(1000)}`,
    '0.5',
    `${random.below(100)}.25`,
    random.below(2) === 0 ? '2001-02-03T04:05:06.789+01:00' : String(random.below(2 ** 31)),
    random.below(2) === 0 ? 'true' : 'FALSE',
    random.below(2) === 0 ? '' : 'naïve',
  ]
  return encoder.encode(`${fields.join(',')}\n`)
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** Of one line, its end too: bytes flipped, tokens put in, pieces cut out or doubled. */
function mutate(random: Random, original: Uint8Array): Uint8Array {
  let bytes = original.subarray(0, original.length - 1)
  for (let turn = random.below(3); turn >= 0; turn--) {
    const from = random.below(bytes.length + 1)
    const to = Math.min(bytes.length, from + random.below(6))
    const token = encoder.encode(TOKENS[random.below(TOKENS.length)])
    const middle = [new Uint8Array(), token, Uint8Array.of(random.below(256)), bytes.subarray(from, to)][
      random.below(4)
    ]
    bytes = join([bytes.subarray(0, from), middle ?? token, bytes.subarray(random.below(2) === 0 ? from : to)])
  }
  return join([bytes, Uint8Array.of(0x0a)])
}

function decode(kernel: Kernel, bytes: Uint8Array, random: Random | undefined) {
  const csv = csvDecoder(kernel, wanted, { batchRows: 8, comment: '#' })
  const rows: { i: number }[] = []
  const rejected: unknown[] = []
  const take = (batches: ReturnType<typeof csv.push>): void => {
    for (const one of batches) {
      rows.push(...one.batch.toRows())
      rejected.push(...one.rejected)
    }
  }
  for (let from = 0; from < bytes.length; ) {
    const to = random === undefined ? bytes.length : from + 1 + random.below(90)
    take(csv.push(bytes.subarray(from, to)))
    from = to
  }
  take(csv.finish())
  csv.destroy()
  return { rows, rejected }
}

describe.each(builds)('csvDecoder on mutated input ($name)', ({ create }) => {
  it('takes every line but the mutated one, and does not depend on cuts', { timeout: 600_000 }, () => {
    const random = new Random(3)
    const kernel = create()
    let lines: Uint8Array[] = []
    let good: object[] = []
    let rejections = 0
    const count = Math.ceil(MUTATIONS / builds.length)
    for (let turn = 0; turn < count; turn++) {
      if (turn % TURNS === 0) {
        lines = Array.from({ length: LINES }, (_, index) => line(random, index))
        good = decode(kernel, join([HEADER, ...lines]), undefined).rows
        expect(good).toHaveLength(LINES)
      }
      const target = random.below(LINES)
      const bytes = join([HEADER, ...lines.with(target, mutate(random, lines[target] ?? HEADER))])
      const whole = decode(kernel, bytes, undefined)
      expect(decode(kernel, bytes, random)).toEqual(whole)
      rejections += whole.rejected.length
      const { rows } = whole
      expect(rows.slice(0, target)).toEqual(good.slice(0, target))
      // A quote that closes on its own line takes nothing with it; one that does not costs that line only.
      const behind = LINES - 1 - target
      expect(behind === 0 ? [] : rows.slice(-behind)).toEqual(good.slice(target + 1))
    }
    expect(rejections).toBeGreaterThan(count / 10)
    const { bytesInUse } = kernel
    decode(kernel, HEADER, undefined)
    expect(kernel.bytesInUse).toBe(bytesInUse)
  })
})
