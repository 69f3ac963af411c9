/*
 * Timestamps as ISO 8601 texts in UTC, as JavaScript's Date has them: YYYY-MM-DDTHH:mm:ss.sssZ, years beyond four
 * digits ±YYYYYY.
 */
import { put } from '../guard'
import { copyText } from './copy'
import { writeDigits } from './integer'

const DAY_MS: i64 = 86400000

/** The date of the day written last: rows that follow one another tend to be of one day. */
const dayText: usize = memory.data(32, 16)
let dayLength: u32 = 0
let lastDay: i64 = i64.MAX_VALUE

/** The text of a time within ±8.64e15 ms, in quotes if `quote` is not 0; behind it. */
export function writeTime(out: usize, millis: i64, quote: u8): usize {
  let day = millis / DAY_MS
  let inDay = <i32>(millis - day * DAY_MS)
  if (inDay < 0) {
    day--
    inDay += <i32>DAY_MS
  }
  if (day != lastDay) keepDate(day)
  if (quote != 0) put<u8>(out++, quote)
  out = copyText(out, dayText, dayLength)
  const minutes = inDay / 60000
  const inMinute = <u32>(inDay - minutes * 60000)
  const hour = minutes / 60
  const second = inMinute / 1000
  put<u8>(out, 0x54)
  writeDigits(out + 1, hour, 2)
  put<u8>(out + 3, 0x3a)
  writeDigits(out + 4, minutes - hour * 60, 2)
  put<u8>(out + 6, 0x3a)
  writeDigits(out + 7, second, 2)
  put<u8>(out + 9, 0x2e)
  writeDigits(out + 10, inMinute - second * 1000, 3)
  put<u8>(out + 13, 0x5a)
  out += 14
  if (quote != 0) put<u8>(out++, quote)
  return out
}

/** The civil date of a day (Hinnant, "chrono-compatible low-level date algorithms"). */
function keepDate(day: i64): void {
  lastDay = day
  const shifted = day + 719468
  const era = (shifted >= 0 ? shifted : shifted - 146096) / 146097
  const dayOfEra = <i32>(shifted - era * 146097)
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  const shiftedMonth = (5 * dayOfYear + 2) / 153
  const date = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const year = yearOfEra + <i32>era * 400 + (month <= 2 ? 1 : 0)
  let at = dayText
  if (year >= 0 && year <= 9999) {
    at = put4(at, year)
  } else {
    store<u8>(at++, year < 0 ? 0x2d : 0x2b)
    const digits = abs(year)
    at = put2(at, digits / 10000)
    at = put4(at, digits % 10000)
  }
  store<u8>(at++, 0x2d)
  at = put2(at, month)
  store<u8>(at++, 0x2d)
  at = put2(at, date)
  dayLength = <u32>(at - dayText)
}

// dayText is no region: it is written without the checks of `put`.
function put2(at: usize, value: i32): usize {
  store<u8>(at, <u8>(0x30 + value / 10))
  store<u8>(at + 1, <u8>(0x30 + value % 10))
  return at + 2
}

function put4(at: usize, value: i32): usize {
  return put2(put2(at, value / 100), value % 100)
}
