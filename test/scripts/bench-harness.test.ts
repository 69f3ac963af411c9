import { describe, expect, it } from 'vitest'
import { type Benchmark, type Contender, measure, median, select } from '../../bench/harness.js'

const silent = () => {}

const contest = (subject: Contender, peers: Record<string, Contender> = {}, change: Partial<Benchmark> = {}) => ({
  name: 'group/one',
  workload: 'made for this test',
  unit: 'MB' as const,
  rows: 10,
  runs: 3,
  open: () => ({ subject, peers }),
  ...change,
})

const figures = (...values: number[]) => {
  let next = 0
  // Two rounds of warm-up come first and must not count.
  const all = [1000, 1000, ...values]
  return { measure: () => all[next++] ?? Number.NaN }
}

describe('measure', () => {
  it('gives the medians, and the median of the ratios of the rounds', async () => {
    const results = await measure(contest(figures(10, 40, 30), { other: figures(5, 10, 10) }), silent)
    expect(results).toEqual([
      { name: 'group/one', unit: 'MB', value: 30, peer: 'other', baseline: 10, ratio: 3, rows: 10, runs: 3 },
    ])
  })
  it('measures the contenders in turn', async () => {
    const order: string[] = []
    const contender = (name: string) => ({ measure: () => order.push(name) })
    await measure(contest(contender('a'), { b: contender('b'), c: contender('c') }, { runs: 1 }), silent)
    expect(order.join('')).toBe('abcabcabc')
  })
  it('works out timed units from the rows, and says when a run is too short', async () => {
    const notes: string[] = []
    const [result] = await measure(contest({ run: () => {} }, {}, { unit: 'ns/row' }), text => notes.push(text))
    expect(result?.value).toBeGreaterThan(0)
    expect(result).not.toHaveProperty('ratio')
    expect(notes[0]).toMatch(/^group\/one: a run took .* too short/)
  })
  it('does not time what prepares a run, and closes at the end', async () => {
    const calls: string[] = []
    const subject = { prepare: () => void calls.push('prepare'), run: async () => void calls.push('run') }
    const open = () => ({ subject, close: () => void calls.push('close') })
    await measure(contest(subject, {}, { unit: 'ms', runs: 1, open }), silent)
    expect(calls).toEqual(['prepare', 'run', 'prepare', 'run', 'prepare', 'run', 'close'])
  })
  it('leaves out a peer that is unavailable, and says why', async () => {
    const notes: string[] = []
    const open = () => ({ subject: figures(1, 1, 1), peers: { c: { unavailable: 'no C compiler' } } })
    const results = await measure(contest(figures(), {}, { open }), text => notes.push(text))
    expect(results).toEqual([{ name: 'group/one', unit: 'MB', value: 1, rows: 10, runs: 3 }])
    expect(notes).toEqual(['group/one: c is left out: no C compiler'])
  })
  it('refuses to tell a time in bytes', async () => {
    await expect(measure(contest({ run: () => {} }), silent)).rejects.toThrow('a time cannot be told in MB')
  })
})

describe('median', () => {
  it('is the middle, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([])).toBeNaN()
  })
})

describe('select', () => {
  const all = ['a/one', 'a/two', 'ab/one'].map(name => contest(figures(), {}, { name }))
  const names = (wanted: string[]) => select(all, wanted).map(({ name }) => name)
  it('takes names and groups, and all where none is given', () => {
    expect(names([])).toHaveLength(3)
    expect(names(['a'])).toEqual(['a/one', 'a/two'])
    expect(names(['ab/one', 'a/two'])).toEqual(['a/two', 'ab/one'])
  })
  it('lists the names for one that is unknown', () => {
    expect(() => names(['a/one', 'b'])).toThrow('no benchmark b; there are:\n  a/one\n  a/two\n  ab/one')
  })
})
