import { decodeUtf8, encodeUtf8 } from '../core/utf8.js'
import type { RejectedRow } from '../operators/rejected-rows.js'
import type { RejectedRecord } from './record-format.js'

/** A record that became no row as a row of dead letters. */
export function rejectedRow({
  path,
  position,
  line,
  reason,
  message,
  field,
  sizeBytes,
  bytes,
}: RejectedRecord): RejectedRow {
  const text = decodeUtf8(bytes)
  const isText = equal(encodeUtf8(text), bytes)
  return {
    ...{ path, position, line, reason, message, sizeBytes },
    field: field ?? null,
    text: isText ? text : null,
    base64: isText ? null : base64Of(bytes),
  }
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at])
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** RFC 4648, with padding. */
function base64Of(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const [first = 0, second = 0, third = 0] = bytes.subarray(at, at + 3)
    const bits = (first << 16) | (second << 8) | third
    const digits = Array.from([18, 12, 6, 0], shift => DIGITS.charAt((bits >>> shift) & 63)).join('')
    const there = Math.min(3, bytes.length - at)
    text += digits.slice(0, there + 1).padEnd(4, '=')
  }
  return text
}
