import { describe, expect, it, vi } from 'vitest'
import { Schema } from '../../src/core/index.js'
import { builds } from '../kernel/builds.js'
import { setting } from '../platform/setting.js'
import { mutate, PATHS, Random, RECORD, recordText } from './json-arbitraries.js'
import { oracleRow } from './json-oracle.js'
import { decodeJson, utf8 } from './json-running.js'

/** Records of each kind and build: some 21 times as many are decoded in all. */
const RECORDS = Math.ceil(setting('SABOT_JSON_RECORDS', 50_000) / 21)
const PER_INPUT = 100

vi.setConfig({ testTimeout: 600_000 })

function join(parts: readonly Uint8Array[], between: string, before = '', behind = ''): Uint8Array {
  const bytes: number[] = [...utf8(before)]
  for (const [index, part] of parts.entries()) {
    if (index > 0) bytes.push(...utf8(between))
    for (const byte of part) bytes.push(byte)
  }
  return Uint8Array.from([...bytes, ...utf8(behind)])
}

const isBlank = (line: Uint8Array): boolean => line.every(byte => byte === 0x20 || byte === 0x09 || byte === 0x0d)

/** As RECORD, without what a double does not tell apart. */
const BY_VALUE = new Schema(RECORD.fields.map(field => (field.name === 'id' ? { ...field, type: 'f64' } : field)))

/** Whole or not depends on digits that a double does not keep. */
const isBeyondOracle = (line: Uint8Array): boolean => /\d{16}\.|\.\d{16}/.test(new TextDecoder().decode(line))

const cutsOf = (random: Random, length: number): number[] =>
  Array.from({ length: random.below(12) }, () => random.below(length + 1))

function texts(random: Random, variety: number): Uint8Array[] {
  return Array.from({ length: PER_INPUT }, () => utf8(recordText(random, variety)))
}

describe.each(builds)('a decoder of JSON, $name build', build => {
  it.each([
    ['of one form', 0],
    ['of one form, with wrong values', 1],
    ['of many forms', 2],
  ])('gives what JSON.parse gives of records %s', (_, variety) => {
    const random = new Random(1 + variety)
    const kernel = build.create()
    let templateRecords = 0
    for (let done = 0; done < RECORDS; done += PER_INPUT) {
      const lines = texts(random, variety)
      const expected = lines.map(line => oracleRow(line, RECORD, PATHS))
      const bytes = join(lines, '\n')
      const options = { paths: PATHS, batchRows: 1 + random.below(64), cuts: cutsOf(random, bytes.length) }
      const decoded = decodeJson(kernel, RECORD, bytes, options)
      expect(decoded.rows).toEqual(expected.filter(row => row !== undefined).map(row => ({ ...row })))
      const rejected = expected.flatMap((row, index) => (row === undefined ? [index + 1] : []))
      expect(decoded.rejected.map(({ line }) => line)).toEqual(rejected)
      for (const { line, position, bytes: kept } of decoded.rejected) {
        expect(kept).toEqual(lines[line - 1])
        expect(bytes.subarray(position, position + kept.length)).toEqual(kept)
      }
      templateRecords += decoded.templateRecords
    }
    if (variety === 0) expect(templateRecords).toBeGreaterThan(RECORDS / 2)
  })

  it('refuses what JSON.parse refuses of mutated records, and takes the rest alike', () => {
    const random = new Random(77)
    const kernel = build.create()
    for (let done = 0; done < RECORDS * 3; done += PER_INPUT) {
      const lines = texts(random, done % 3 === 0 ? 0 : 2).map(line => (random.chance(80) ? mutate(line, random) : line))
      const kept = lines.filter(line => !isBlank(line) && !isBeyondOracle(line))
      expect(kept.length).toBeGreaterThan(PER_INPUT / 4)
      const expected = kept.map(line => oracleRow(line, BY_VALUE, PATHS))
      const bytes = join(kept, random.pick(['\n', '\r\n', '\n \n']))
      const decoded = decodeJson(kernel, BY_VALUE, bytes, { paths: PATHS, cuts: cutsOf(random, bytes.length) })
      expect(decoded.rows).toEqual(expected.filter(row => row !== undefined).map(row => ({ ...row })))
      expect(decoded.rejected.length).toBe(expected.filter(row => row === undefined).length)
    }
  })

  it('gives the same of an array as of lines, the elements after a wrong one too', () => {
    const random = new Random(5)
    const kernel = build.create()
    for (let done = 0; done < RECORDS; done += PER_INPUT) {
      const elements = texts(random, done % 2 === 0 ? 1 : 2)
      const expected = elements.map(element => oracleRow(element, RECORD, PATHS))
      const bytes = join(
        elements,
        random.pick([',', ',\n', ' , ']),
        random.pick(['[', ' [\n', '\uFEFF[']),
        random.pick([']', '\n]\n']),
      )
      const options = { format: 'array', paths: PATHS, cuts: cutsOf(random, bytes.length) } as const
      const decoded = decodeJson(kernel, RECORD, bytes, options)
      expect(decoded.rows).toEqual(expected.filter(row => row !== undefined).map(row => ({ ...row })))
      const rejected = expected.flatMap((row, index) => (row === undefined ? [index + 1] : []))
      expect(decoded.rejected.map(({ line }) => line)).toEqual(rejected)
    }
  })

  it('does not depend on how the input is cut', () => {
    const random = new Random(9)
    const kernel = build.create()
    const inUse = kernel.bytesInUse
    const lines = texts(random, 2).map(line => (random.chance(30) ? mutate(line, random) : line))
    const bytes = join(lines, '\n')
    const whole = decodeJson(kernel, RECORD, bytes, { paths: PATHS, batchRows: 7, maxRecordBytes: 300 })
    for (let times = 0; times < 30; times++) {
      const step = 1 + random.below(40)
      const cuts = Array.from({ length: Math.ceil(bytes.length / step) }, (_, index) => index * step)
      const cut = decodeJson(kernel, RECORD, bytes, { paths: PATHS, batchRows: 7, maxRecordBytes: 300, cuts })
      expect(cut.rows).toEqual(whole.rows)
      expect(cut.rejected).toEqual(whole.rejected)
      expect(cut.batches.map(({ batch }) => batch.rowCount)).toEqual(whole.batches.map(({ batch }) => batch.rowCount))
    }
    expect(whole.rejected.some(({ reason }) => reason === 'TOO_LARGE')).toBe(true)
    // The table of powers of five is made once and stays.
    expect(kernel.bytesInUse - inUse).toBeLessThan(16_384)
  })
})
