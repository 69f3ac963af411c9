/*
 * Rows to text, one after the other. Room is looked at once a row for all that has a fixed width, and again before a
 * string: a row that may not fit is left to the next call.
 */
import {
  ENCODE_COLUMN_BYTES, ENCODE_COLUMN_OFFSETS, ENCODE_COLUMN_PREFIX, ENCODE_COLUMN_PREFIX_LENGTH,
  ENCODE_COLUMN_RECORD_BYTES, ENCODE_COLUMN_SCALE, ENCODE_COLUMN_SIZE, ENCODE_COLUMN_TYPE, ENCODE_COLUMN_VALIDITY,
  ENCODE_COLUMN_VALUES, ENCODE_DICTIONARY, ENCODE_SLACK, ENCODE_TASK_CAPACITY, ENCODE_TASK_COLUMN_COUNT,
  ENCODE_TASK_COLUMNS, ENCODE_TASK_DIALECT, ENCODE_TASK_END, ENCODE_TASK_END_LENGTH, ENCODE_TASK_FROM,
  ENCODE_TASK_NULL, ENCODE_TASK_NULL_LENGTH, ENCODE_TASK_OUTPUT, ENCODE_TASK_SELECTION, ENCODE_TASK_TIME_QUOTE,
  ENCODE_TASK_TO, ENCODE_TEXT_FACTOR, ENCODE_TEXT_MORE, JSON_BOOL, JSON_DECIMAL, JSON_F32, JSON_F64, JSON_I32, JSON_I64,
  JSON_TEXT, JSON_TIMESTAMP, LIMIT_TIMESTAMP, RESULT_DETAIL, RESULT_ROW, RESULT_SIZE,
  STATUS_MEMORY_LIMIT, STATUS_TIMESTAMP, TIMESTAMP_RANGE,
} from '../abi'
import { copyTo, put } from '../guard'
import { powersOfFive } from '../json/powers'
import { resultPtr } from '../memory'
import { copyText } from './copy'
import { writeDouble } from './double'
import { writeDecimal, writeInteger } from './integer'
import { writeString } from './text'
import { writeTime } from './time'

/** The widest value of fixed width: a timestamp in quotes. */
const FIXED_BYTES: u32 = 32

/** No value was written for want of room: `wanted` bytes at most. */
const NO_ROOM: usize = 0
/** No value was written: a timestamp is out of range. */
const NO_TIME: usize = 1
let wanted: u64 = 0

/**
 * Writes as many rows as fit: how many, and their bytes at RESULT_SIZE. Of none, RESULT_DETAIL is a capacity that holds
 * one. STATUS_TIMESTAMP, with RESULT_ROW, where a row has a time beyond ±8.64e15 ms.
 */
export function encodeRows(task: usize): i32 {
  if (powersOfFive() == 0) return STATUS_MEMORY_LIMIT
  const columns = <usize>load<u32>(task, ENCODE_TASK_COLUMNS)
  const columnsEnd = columns + <usize>load<u32>(task, ENCODE_TASK_COLUMN_COUNT) * ENCODE_COLUMN_RECORD_BYTES
  const selection = <usize>load<u32>(task, ENCODE_TASK_SELECTION)
  const from = load<u32>(task, ENCODE_TASK_FROM)
  const to = load<u32>(task, ENCODE_TASK_TO)
  const output = <usize>load<u32>(task, ENCODE_TASK_OUTPUT)
  const nullText = <usize>load<u32>(task, ENCODE_TASK_NULL)
  const nullLength = load<u32>(task, ENCODE_TASK_NULL_LENGTH)
  const endText = <usize>load<u32>(task, ENCODE_TASK_END)
  const endLength = load<u32>(task, ENCODE_TASK_END_LENGTH)
  const dialect = <usize>load<u32>(task, ENCODE_TASK_DIALECT)
  const timeQuote = <u8>load<u32>(task, ENCODE_TASK_TIME_QUOTE)

  let fixed = <u64>endLength + <u64>ENCODE_SLACK
  for (let column = columns; column < columnsEnd; column += ENCODE_COLUMN_RECORD_BYTES) {
    fixed += <u64>load<u32>(column, ENCODE_COLUMN_PREFIX_LENGTH) + <u64>max<u32>(nullLength, FIXED_BYTES)
  }
  const capacity = <u64>load<u32>(task, ENCODE_TASK_CAPACITY)
  const limit = <u64>output + capacity - min<u64>(fixed, capacity)
  let out = output
  let index = from
  while (index < to) {
    const start = out
    if (<u64>out > limit || fixed > capacity) {
      wanted = fixed
      break
    }
    const row = selection == 0 ? index : load<u32>(selection + (<usize>index << 2))
    let column = columns
    for (; column < columnsEnd; column += ENCODE_COLUMN_RECORD_BYTES) {
      out = copyText(out, load<u32>(column, ENCODE_COLUMN_PREFIX), load<u32>(column, ENCODE_COLUMN_PREFIX_LENGTH))
      const validity = <usize>load<u32>(column, ENCODE_COLUMN_VALIDITY)
      if (validity != 0 && ((load<u8>(validity + <usize>(row >> 3)) >> <u8>(row & 7)) & 1) == 0) {
        out = copyText(out, nullText, nullLength)
        continue
      }
      const next = writeValue(column, row, out, limit, dialect, timeQuote, nullText, nullLength)
      if (next <= NO_TIME) {
        if (next == NO_TIME) {
          put<u32>(resultPtr(), row, RESULT_ROW)
          put<u32>(resultPtr(), TIMESTAMP_RANGE, RESULT_DETAIL)
          return STATUS_TIMESTAMP
        }
        wanted += <u64>(out - start) + fixed
        break
      }
      out = next
    }
    if (column < columnsEnd) {
      out = start
      break
    }
    out = copyText(out, endText, endLength)
    index++
  }
  put<u32>(resultPtr(), <u32>min<u64>(wanted, 0xffffffff), RESULT_DETAIL)
  put<u32>(resultPtr(), <u32>(out - output), RESULT_SIZE)
  return <i32>(index - from)
}

/** Behind the text of a value that is not null. */
function writeValue(
  column: usize, row: u32, out: usize, limit: u64, dialect: usize, timeQuote: u8, nullText: usize, nullLength: u32,
): usize {
  const values = <usize>load<u32>(column, ENCODE_COLUMN_VALUES)
  switch (load<i32>(column, ENCODE_COLUMN_TYPE)) {
    case JSON_BOOL: {
      const isTrue = ((load<u8>(values + <usize>(row >> 3)) >> <u8>(row & 7)) & 1) != 0
      put<u64>(out, isTrue ? 0x65757274 : 0x65736c6166)
      return out + (isTrue ? 4 : 5)
    }
    case JSON_I32:
      return writeInteger(out, <i64>load<i32>(values + (<usize>row << 2)))
    case JSON_I64:
      return writeInteger(out, load<i64>(values + (<usize>row << 3)))
    case JSON_DECIMAL:
      return writeDecimal(out, load<i64>(values + (<usize>row << 3)), load<u32>(column, ENCODE_COLUMN_SCALE))
    case JSON_F32:
      return writeFloat(out, <f64>load<f32>(values + (<usize>row << 2)), dialect, nullText, nullLength)
    case JSON_F64:
      return writeFloat(out, load<f64>(values + (<usize>row << 3)), dialect, nullText, nullLength)
    case JSON_TIMESTAMP: {
      const millis = load<i64>(values + (<usize>row << 3))
      if (millis > LIMIT_TIMESTAMP || millis < -LIMIT_TIMESTAMP) return NO_TIME
      return writeTime(out, millis, timeQuote)
    }
    case ENCODE_DICTIONARY: {
      const code = load<u32>(values + (<usize>row << 2))
      if (code >= load<u32>(column, ENCODE_COLUMN_SIZE)) return copyText(out, nullText, nullLength)
      const offset = <usize>load<u32>(column, ENCODE_COLUMN_OFFSETS) + (<usize>code << 2)
      const text = load<u32>(offset)
      return writeWhole(out, <usize>load<u32>(column, ENCODE_COLUMN_BYTES) + text, load<u32>(offset, 4) - text, limit)
    }
    default: {
      // Offsets that lead outside are cut, so that nothing else is read.
      const offset = <usize>load<u32>(column, ENCODE_COLUMN_OFFSETS) + (<usize>row << 2)
      const end = min<u32>(load<u32>(offset, 4), load<u32>(column, ENCODE_COLUMN_SIZE))
      const start = min<u32>(load<u32>(offset), end)
      const from = <usize>load<u32>(column, ENCODE_COLUMN_BYTES) + start
      if (load<i32>(column, ENCODE_COLUMN_TYPE) == JSON_TEXT) return writeWhole(out, from, end - start, limit)
      wanted = <u64>(end - start) * ENCODE_TEXT_FACTOR + ENCODE_TEXT_MORE
      if (<u64>out + wanted > limit) return NO_ROOM
      return writeString(out, from, end - start, dialect)
    }
  }
}

/** JSON has no NaN and no infinities; CSV has their names. */
function writeFloat(out: usize, value: f64, dialect: usize, nullText: usize, nullLength: u32): usize {
  if (abs<f64>(value) < Infinity) return writeDouble(out, value)
  if (dialect == 0) return copyText(out, nullText, nullLength)
  if (value != value) {
    put<u32>(out, 0x4e614e)
    return out + 3
  }
  if (value < 0) put<u8>(out++, 0x2d)
  put<u64>(out, 0x7974696e69666e49)
  return out + 8
}

/** A text that is written already. */
// @ts-ignore: decorator
@inline
function writeWhole(out: usize, from: usize, length: u32, limit: u64): usize {
  if (<u64>out + <u64>length > limit) {
    wanted = <u64>length
    return NO_ROOM
  }
  if (length <= 64) return copyText(out, from, length)
  copyTo(out, from, length)
  return out + <usize>length
}
