/* Decimal texts to scaled 64-bit integers and back, exactly. */
import { describeValue, SabotError } from './errors.js'
import { MAX_INT64, MIN_INT64 } from './int64.js'

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?$/

/**
 * The integer `text` × 10^scale. Texts are digits with an optional sign and point: '12', '-0.5', '12.300' (zeros behind
 * the scale are no loss).
 * @throws SabotError DECIMAL_INVALID when the text is no such number or has more digits than the scale;
 *   OUT_OF_RANGE when the scaled integer leaves the 64-bit range.
 */
export function parseDecimal(text: string, scale: number): bigint {
  const match = DECIMAL.exec(text)
  if (match === null) {
    throw new SabotError('DECIMAL_INVALID', `${describeValue(text)} is not a decimal number such as "12.30"`, {
      value: text,
      scale,
    })
  }
  const [, sign = '', whole = '', fraction = ''] = match
  const kept = fraction.slice(0, scale)
  if (/[1-9]/.test(fraction.slice(scale))) {
    throw new SabotError(
      'DECIMAL_INVALID',
      `${describeValue(text)} has more than ${scale} digits after the point. Declare a larger scale, or round it`,
      { value: text, scale },
    )
  }
  const magnitude = BigInt(whole + kept.padEnd(scale, '0'))
  const scaled = sign === '-' ? -magnitude : magnitude
  if (scaled < MIN_INT64 || scaled > MAX_INT64) {
    throw new SabotError('OUT_OF_RANGE', `${describeValue(text)} does not fit decimal(${scale}) in 64 bits`, {
      value: text,
      scale,
    })
  }
  return scaled
}

/** The exact text of `scaled` / 10^scale, with all digits of the scale: formatDecimal(1230n, 2) is '12.30'. */
export function formatDecimal(scaled: bigint, scale: number): string {
  if (scale === 0) return scaled.toString()
  const negative = scaled < 0n
  const digits = (negative ? -scaled : scaled).toString().padStart(scale + 1, '0')
  const point = digits.length - scale
  return `${negative ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`
}
