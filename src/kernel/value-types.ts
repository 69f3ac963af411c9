/* Types of columns that hold one value a record, as the kernel's decoders number them. */
import {
  JSON_BOOL,
  JSON_DECIMAL,
  JSON_F32,
  JSON_F64,
  JSON_I32,
  JSON_I64,
  JSON_TIMESTAMP,
  JSON_UTF8,
} from '../../assembly/abi.js'

export const VALUE_TYPES = {
  bool: JSON_BOOL,
  i32: JSON_I32,
  i64: JSON_I64,
  f32: JSON_F32,
  f64: JSON_F64,
  utf8: JSON_UTF8,
  timestamp: JSON_TIMESTAMP,
  decimal: JSON_DECIMAL,
} as const
