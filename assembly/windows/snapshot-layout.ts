/*
 * The part of a window operator in a snapshot; abi.ts draws the header, the directory and the blocks.
 *
 *   params:  0        8        16       24          32        40            44        48
 *            +--------+--------+--------+-----------+---------+-------------+---------+------------------+----------+
 *            | size   | slide  | offset | watermark | cursor  | high water  | columns | specifications   | padding  |
 *            | f64    | f64    | f64    | f64       | f64     | of ids u32  | u32     | u32[columns]     | to 16    |
 *            +--------+--------+--------+-----------+---------+-------------+---------+------------------+----------+
 *
 * `cursor` is the index of the first window that has not fired (-Infinity: none has). Sections follow one another
 * without gaps, each a multiple of 16 bytes long. A record is as layout.ts draws it, its float sums with one bit
 * pattern for every NaN.
 */
import { SNAPSHOT_AT_CHECKSUM, SNAPSHOT_HEADER_BYTES } from '../abi'
import { xxh64 } from '../hash/xxh64'

export const PARAM_SIZE: usize = 0
export const PARAM_SLIDE: usize = 8
export const PARAM_OFFSET: usize = 16
export const PARAM_WATERMARK: usize = 24
export const PARAM_CURSOR: usize = 32
export const PARAM_HIGH_WATER: usize = 40
export const PARAM_COLUMNS: usize = 44
export const PARAM_SPECS: usize = 48

export const ENTRY_GROUP: usize = 0
export const ENTRY_OFFSET: usize = 8
export const ENTRY_BYTES: usize = 16
export const ENTRY_CHECKSUM: usize = 24

export const SLICE_BLOCK_COUNT: usize = 8
export const SLICE_BLOCK_RECORD_BYTES: usize = 12
export const SLICE_BLOCK_HEAD: usize = 16

// @ts-ignore: decorator
@inline
export function pad16(bytes: u64): u64 {
  return (bytes + 15) & ~(<u64>15)
}

export function paramsBytes(columns: u32): u32 {
  return <u32>pad16(<u64>PARAM_SPECS + (<u64>columns << 2))
}

/** XXH64 of the header before its checksum; it is the seed of the XXH64 of all that stands before the first section. */
export function headerChecksum(pointer: usize, paramsAndDirectoryBytes: usize): u64 {
  const head = xxh64(pointer, <usize>SNAPSHOT_AT_CHECKSUM, 0)
  return xxh64(pointer + <usize>SNAPSHOT_HEADER_BYTES, paramsAndDirectoryBytes, head)
}
