/*
 * Dates and times as text (ISO 8601, the forms of RFC 3339 and of ECMAScript): `YYYY-MM-DD`, or with `T` (or `t`, or a
 * space) and `HH:MM`, `HH:MM:SS`, `HH:MM:SS.f` with any number of digits; then `Z`, `+HH:MM`, `+HHMM`, `+HH` or
 * nothing. Years have four digits, or a sign and six. A text without a zone is in UTC, on every host alike. 24:00 is
 * the end of its day; there is no leap second in a timestamp. Below the millisecond a time is cut.
 */
import { JSON_OUT_OF_RANGE, JSON_TIMESTAMP_TEXT, LIMIT_TIMESTAMP } from '../abi'

/** The milliseconds that parseTimestamp found. */
export let millis: i64 = 0

/** The digits of a field of `count`, or -1. */
// @ts-ignore: decorator
@inline
function field(at: usize, end: usize, count: usize): i32 {
  if (at + count > end) return -1
  let value = 0
  for (let number: usize = 0; number < count; number++) {
    const digit = <u32>load<u8>(at + number) - 0x30
    if (digit > 9) return -1
    value = value * 10 + <i32>digit
  }
  return value
}

/** Days from 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms"). */
function daysFromCivil(year: i32, month: i32, day: i32): i64 {
  const shifted = <i64>(month <= 2 ? year - 1 : year)
  const era = (shifted >= 0 ? shifted : shifted - 399) / 400
  const yearOfEra = shifted - era * 400
  const dayOfYear = <i64>((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1)
  return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
}

function daysInMonth(year: i32, month: i32): i32 {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31
}

/** Reads [at, end) into `millis`; 0, or the reason why it is no time. */
export function parseTimestamp(at: usize, end: usize): u32 {
  let year: i32
  const first = at < end ? load<u8>(at) : 0
  if (first == 0x2b || first == 0x2d) {
    year = field(at + 1, end, 6)
    // ECMAScript has no year -000000.
    if (year < 0 || (year == 0 && first == 0x2d)) return JSON_TIMESTAMP_TEXT
    if (first == 0x2d) year = -year
    at += 7
  } else {
    year = field(at, end, 4)
    if (year < 0) return JSON_TIMESTAMP_TEXT
    at += 4
  }
  if (at + 6 > end || load<u8>(at) != 0x2d || load<u8>(at, 3) != 0x2d) return JSON_TIMESTAMP_TEXT
  const month = field(at + 1, end, 2)
  const day = field(at + 4, end, 2)
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return JSON_TIMESTAMP_TEXT
  at += 6
  let time: i64 = 0
  if (at < end) {
    const separator = load<u8>(at)
    if ((separator | 0x20) != 0x74 && separator != 0x20) return JSON_TIMESTAMP_TEXT
    const hour = field(at + 1, end, 2)
    const minute = at + 6 <= end && load<u8>(at, 3) == 0x3a ? field(at + 4, end, 2) : -1
    if (hour < 0 || hour > 24 || minute < 0 || minute > 59) return JSON_TIMESTAMP_TEXT
    at += 6
    let second = 0
    let fraction = 0
    if (at < end && load<u8>(at) == 0x3a) {
      second = field(at + 1, end, 2)
      if (second < 0 || second > 59) return JSON_TIMESTAMP_TEXT
      at += 3
      if (at < end && load<u8>(at) == 0x2e) {
        at++
        const start = at
        let unit = 100
        while (at < end && <u32>load<u8>(at) - 0x30 < 10) {
          fraction += <i32>(load<u8>(at) - 0x30) * unit
          // What is cut still counts for 24:00.
          if (unit == 0 && hour == 24 && load<u8>(at) != 0x30) return JSON_TIMESTAMP_TEXT
          unit /= 10
          at++
        }
        if (at == start) return JSON_TIMESTAMP_TEXT
      }
    }
    if (hour == 24 && (minute | second | fraction) != 0) return JSON_TIMESTAMP_TEXT
    time = (<i64>((hour * 60 + minute) * 60 + second)) * 1000 + <i64>fraction
    if (at < end) {
      const zone = load<u8>(at++)
      if (zone == 0x2b || zone == 0x2d) {
        const zoneHour = field(at, end, 2)
        if (zoneHour < 0 || zoneHour > 23) return JSON_TIMESTAMP_TEXT
        at += 2
        let zoneMinute = 0
        if (at < end) {
          if (load<u8>(at) == 0x3a) at++
          zoneMinute = field(at, end, 2)
          if (zoneMinute < 0 || zoneMinute > 59) return JSON_TIMESTAMP_TEXT
          at += 2
        }
        const offset = <i64>(zoneHour * 60 + zoneMinute) * 60000
        time += zone == 0x2d ? offset : -offset
      } else if ((zone | 0x20) != 0x7a) {
        return JSON_TIMESTAMP_TEXT
      }
    }
  }
  if (at != end) return JSON_TIMESTAMP_TEXT
  millis = daysFromCivil(year, month, day) * 86400000 + time
  return millis > LIMIT_TIMESTAMP || millis < -LIMIT_TIMESTAMP ? JSON_OUT_OF_RANGE : 0
}
