/*
 * Durations in milliseconds: `'2h'`, `'1h30m'`, `minutes(5)`, or a plain number of ms.
 */
import { describeValue, SabotError } from './errors.js'

type Unit = 'ms' | 's' | 'm' | 'h' | 'd' | 'w'

/** One or two parts are checked by the compiler; longer texts when they are parsed. */
type Part = `${number}${Unit}`
export type DurationText = Part | `${Part}${Part}` | `${Part} ${Part}` | `${Part}${Part}${Part}`

/** Milliseconds, or a text such as '2h', '90s', '1h30m', '1.5h', '250ms', '1d', '1w'. */
export type Duration = number | DurationText

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
])

const TEXT = /^(?:\d+(?:\.\d+)?(?:ms|[smhdw])\s*)+$/
const PART = /(\d+(?:\.\d+)?)(ms|[smhdw])/g

export function milliseconds(count: number): number {
  return count
}

export function seconds(count: number): number {
  return count * 1000
}

export function minutes(count: number): number {
  return count * 60_000
}

export function hours(count: number): number {
  return count * 3_600_000
}

export function days(count: number): number {
  return count * 86_400_000
}

/**
 * A duration in whole milliseconds, never negative. Units go from large to small and each comes once at most.
 * @throws SabotError INVALID_DURATION
 */
export function parseDuration(value: Duration | string): number {
  if (typeof value === 'number') return checked(value, value)
  if (typeof value !== 'string' || !TEXT.test(value.trim())) throw invalid(value, 'is not a duration')
  let total = 0
  let lastUnitMs = Number.POSITIVE_INFINITY
  for (const [, count, unit = ''] of value.matchAll(PART)) {
    const unitMs = UNIT_MS.get(unit) ?? 1
    if (unitMs >= lastUnitMs) throw invalid(value, 'has its units out of order or twice')
    lastUnitMs = unitMs
    total += Number(count) * unitMs
  }
  // 1.1 s is 1100 ms although 1.1 * 1000 is not.
  const rounded = Math.round(total)
  return checked(Math.abs(total - rounded) < 1e-6 ? rounded : total, value)
}

/** The shortest text that parseDuration turns into `ms` again: formatDuration(5_400_000) is '1h30m'. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return ms > 0 ? 'forever' : String(ms)
  if (ms < 0) return `-${formatDuration(-ms)}`
  let rest = ms
  let text = ''
  for (const [unit, unitMs] of UNIT_MS) {
    if (unit === 'w' && rest % unitMs !== 0) continue
    const count = unit === 'ms' ? rest : Math.floor(rest / unitMs)
    if (count > 0) text += `${count}${unit}`
    rest -= count * unitMs
  }
  return text === '' ? '0ms' : text
}

function checked(ms: number, value: unknown): number {
  if (Number.isNaN(ms) || ms < 0) throw invalid(value, 'is not a duration')
  if (!Number.isSafeInteger(ms)) throw invalid(value, 'is not a whole number of milliseconds within ±2^53')
  return ms
}

function invalid(value: unknown, why: string): SabotError {
  return new SabotError(
    'INVALID_DURATION',
    `${describeValue(value)} ${why}. Give milliseconds, or a text such as '250ms', '90s', '5m', '2h', '1h30m', '1d'`,
    { value },
  )
}
