import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readVectors } from './files.js'
import { type Registry, runVector } from './registry.js'
import { report } from './report.js'
import { bytesOf, compare, fields, integer, list, parseVectors, skip, type Vector } from './vector.js'

const vector = (id: string, change: Partial<Vector> = {}): Vector => ({
  id,
  suite: 'plain',
  kind: 'double',
  semantics: 'ours',
  source: { doc: 'made for this test' },
  description: 'two times the input',
  config: {},
  input: { value: 2 },
  expected: { value: 4 },
  derived: false,
  ...change,
})

const registry: Registry = {
  double: ({ config, input, expected }) => {
    fields('config', config, [])
    return compare(expected.value, 2 * integer('value', fields('input', input, ['value']).value))
  },
  broken: () => {
    throw new RangeError('out of reach')
  },
  absent: () => skip('not built yet'),
}

describe('runVector', () => {
  it('passes what agrees and fails what does not, with both values', () => {
    expect(runVector(registry, vector('a'))).toEqual({ status: 'passed' })
    const wrong = vector('b', { expected: { value: 5 } })
    expect(runVector(registry, wrong)).toEqual({ status: 'failed', expected: 5, got: 4 })
  })
  it('fails a runner that throws', () => {
    const outcome = runVector(registry, vector('a', { kind: 'broken' }))
    expect(outcome).toMatchObject({ status: 'failed', got: 'RangeError: out of reach' })
  })
  it.each<[string, Partial<Vector>]>([
    ['there is no runner for the kind triple', { kind: 'triple' }],
    ['there is no runner for the kind constructor', { kind: 'constructor' }],
    ['not built yet', { kind: 'absent' }],
    ['does not know: config has the field offset', { config: { offset: 1 } }],
    ['does not know: value is 1.5', { input: { value: 1.5 } }],
    ['does not know: value is "9007199254740993"', { input: { value: '9007199254740993' } }],
    ['does not know: input is not an object', { input: [] }],
  ])('skips with the reason: %s', (reason, change) => {
    const outcome = runVector(registry, vector('a', change))
    expect(outcome).toMatchObject({ status: 'skipped', reason: expect.stringContaining(reason) })
  })
})

describe('readers', () => {
  it('read large integers, lists and bytes', () => {
    expect(integer('a', '-9007199254740991')).toBe(-9007199254740991)
    expect(list('a', [1, 2])).toEqual([1, 2])
    expect(bytesOf('a', '00ffA0')).toEqual(Uint8Array.of(0, 255, 160))
    expect(() => bytesOf('a', '0')).toThrow('a is not hexadecimal')
    expect(() => list('a', {})).toThrow('a is not a list')
  })
})

describe('parseVectors', () => {
  it.each([
    ['{', 'f.json: not JSON: '],
    ['{}', 'f.json: not an array of vectors'],
    ['[1]', 'f.json: entry 0 is not an object'],
    [JSON.stringify([vector('a'), { ...vector('b'), expected: [] }]), 'f.json: entry 1 (id b): expected is missing'],
    [JSON.stringify([{ ...vector('a'), kind: undefined }]), 'f.json: entry 0 (id a): kind is missing'],
    [JSON.stringify([vector('a'), vector('a')]), 'f.json: entry 1: the id a occurs twice'],
  ])('names the file and the place: %s', (text, message) => {
    expect(() => parseVectors('f.json', text)).toThrow(message)
  })
})

describe('report', () => {
  let directory = ''
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sabot-vectors-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text)

  it('tells failures, skips, suites and totals, in this order', () => {
    const vectors = [
      vector('a'),
      vector('b', { expected: { value: 5 } }),
      vector('c', { kind: 'absent', suite: 'other' }),
      vector('d', { kind: 'absent', suite: 'other' }),
    ]
    mkdirSync(join(directory, 'deep'))
    write('deep/f.json', JSON.stringify(vectors))
    expect(report(registry, readVectors([directory]))).toEqual({
      failed: 1,
      lines: [
        'failed b: expected 5, got 4',
        'skipped 2 × absent: not built yet',
        'plain 1/2',
        'other 0/2',
        '1 passed, 1 failed, 2 skipped',
      ],
    })
  })
  it('counts a malformed file as a failure by name and runs the others', () => {
    write('bad.json', '[')
    write('good.json', JSON.stringify([vector('a')]))
    const { lines, failed } = report(registry, readVectors([directory]))
    expect(failed).toBe(1)
    expect(lines[0]).toMatch(/^failed .*bad\.json: not JSON/)
    expect(lines.at(-1)).toBe('1 passed, 1 failed, 0 skipped')
  })
  it('fails for a directory that is missing or holds no vector', () => {
    expect(report(registry, readVectors([join(directory, 'none')])).lines[0]).toMatch(/none: cannot be read/)
    expect(report(registry, readVectors([directory])).lines[0]).toMatch(/no \.json file in it/)
    write('empty.json', '[]')
    expect(report(registry, readVectors([directory]))).toEqual({
      failed: 1,
      lines: ['failed: there is no vector to run', '0 passed, 1 failed, 0 skipped'],
    })
  })
})
