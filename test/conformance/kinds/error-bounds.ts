/* What DDSketch and HyperLogLog claim of their errors, held against data made here. */
import { DDSketch } from '../../../src/core/sketches/ddsketch.js'
import { HyperLogLog } from '../../../src/core/sketches/hyperloglog.js'
import { ValueHash } from '../../../src/core/sketches/value-hash.js'
import type { Registry } from '../registry.js'
import { compare, fields, integer, type JsonObject, list, NotUnderstood, type Outcome, text } from '../vector.js'

const SECONDS: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, day: 86_400 }

function number(where: string, value: unknown): number {
  if (typeof value !== 'number') throw new NotUnderstood(`${where} is not a number`)
  return value
}

/** Data in which `truth` stands at the quantile q: lower and higher values of all magnitudes on both sides. */
function around(truth: number, q: number, count: number): number[] {
  const at = Math.floor(q * (count - 1))
  return Array.from({ length: count }, (_, rank) => truth * (1 + 0.003 * Math.abs(rank - at)) ** (rank < at ? -1 : 1))
}

/** A guarantee, so it holds for each quantile, size and scale, and after merging. */
function quantileWithin({ quantileTrue, allowed }: JsonObject, relativeError: number): Outcome {
  const truth = number('quantileTrue', quantileTrue)
  const [low, high] = list('allowed', allowed).map((bound, index) => number(`allowed[${index}]`, bound))
  for (const count of [1, 2, 7, 100, 2001]) {
    for (const q of [0, 0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1]) {
      const halves = [new DDSketch(relativeError), new DDSketch(relativeError)] as const
      for (const [index, value] of around(truth, q, count).entries()) halves[(index % 2) as 0 | 1].add(value)
      halves[0].merge(halves[1])
      const [actual = null] = halves[0].quantiles([q])
      const isWithin = actual !== null && actual >= (low ?? Number.NaN) && actual <= (high ?? Number.NaN)
      if (!isWithin) return compare({ q, count, allowed: allowed ?? null }, { q, count, actual })
    }
  }
  return { status: 'passed' }
}

/** A range takes the bins between its ends, one more or less where an end falls; eight bytes each. */
function binsOf(bins: JsonObject['bins'], relativeError: number): Outcome {
  for (const [index, entry] of list('bins', bins).entries()) {
    const claim = fields(`bins[${index}]`, entry, ['range', 'bins', 'bytes'])
    const [from = Number.NaN, to = Number.NaN] = text('range', claim.range).split('..').map(secondsOf)
    const whole = new DDSketch(relativeError)
    const parts = [new DDSketch(relativeError), new DDSketch(relativeError)] as const
    for (let step = 0; step <= 20_000; step++) {
      const value = from * (to / from) ** (step / 20_000)
      whole.add(value)
      parts[(step % 2) as 0 | 1].add(value)
    }
    parts[0].merge(parts[1])
    const merged = compare(whole.toJson(), parts[0].toJson())
    if (merged.status !== 'passed') return merged
    const claimed = integer('bins', claim.bins)
    const kilobytes = Number(/^about ([\d.]+) kB$/.exec(text('bytes', claim.bytes))?.[1])
    if (Number.isNaN(kilobytes)) throw new NotUnderstood(`bytes is ${JSON.stringify(claim.bytes)}`)
    const isAsClaimed = Math.abs(whole.binCount - claimed) <= 2 && whole.binCount * 8 <= kilobytes * 1000 * 1.15
    if (!isAsClaimed) return compare(claim, { bins: whole.binCount })
  }
  return { status: 'passed' }
}

function secondsOf(text: string): number {
  const [, amount, unit = ''] = /^(\d+) (\w+)$/.exec(text.trim()) ?? []
  const seconds = SECONDS[unit]
  if (seconds === undefined) throw new NotUnderstood(`a range of ${JSON.stringify(text)}`)
  return Number(amount) * seconds
}

/** The root of the mean squared relative error over seeds is at most 1.1 times the claim, and no run beyond 4 of it. */
function standardError(claims: JsonObject['standardErrorByP']): Outcome {
  const byPrecision = claims as JsonObject
  for (const [p, claim] of Object.entries(byPrecision)) {
    const precision = Number(p)
    const error = number(`standardErrorByP.${p}`, claim)
    const registers = 2 ** precision
    const distinct = precision > 14 ? registers : registers * 3
    const seeds = precision < 10 ? 2000 : 200
    let squares = 0
    let worst = 0
    for (let seed = 0; seed < seeds; seed++) {
      const hash = new ValueHash(seed)
      const sketch = new HyperLogLog(precision, seed)
      for (let value = 0; value < distinct; value++) {
        hash.of(value)
        sketch.add(hash)
      }
      const relative = sketch.count / distinct - 1
      squares += relative ** 2
      worst = Math.max(worst, Math.abs(relative))
    }
    const rms = Math.sqrt(squares / seeds)
    // Of so few registers the error is far from normal: there a single run says nothing.
    const isWithin = rms <= 1.1 * error && (precision < 8 || worst <= 4 * error)
    if (!isWithin) return compare({ precision, error }, { precision, rms, worst })
  }
  return { status: 'passed' }
}

export const errorBounds: Registry = {
  'error-bound-claim': ({ config, expected }) => {
    const claims = fields('expected', expected, ['quantileTrue', 'allowed', 'bins', 'standardErrorByP'])
    if (claims.standardErrorByP !== undefined) {
      fields('config', config, ['registers'])
      fields('expected', expected, ['standardErrorByP'])
      return standardError(claims.standardErrorByP)
    }
    const relativeError = number('relativeAccuracy', fields('config', config, ['relativeAccuracy']).relativeAccuracy)
    return claims.bins === undefined ? quantileWithin(claims, relativeError) : binsOf(claims.bins, relativeError)
  },
}
