/*
 * The parameters and the state section of windows in a snapshot (part.ts).
 *
 *   params:  0        8        16       24          32        40            44        48
 *            +--------+--------+--------+-----------+---------+-------------+---------+------------------+----------+
 *            | size   | slide  | offset | watermark | cursor  | high water  | columns | specifications   | padding  |
 *            | f64    | f64    | f64    | f64       | f64     | of ids u32  | u32     | u32[columns]     | to 16    |
 *            +--------+--------+--------+-----------+---------+-------------+---------+------------------+----------+
 *
 *   state, for each slice in the order of their indexes:
 *            0        8         12           16                          16 + 16 * pages
 *            +--------+---------+------------+---------------------------+------------------------------------------+
 *            | index  | records | pages u32  | pages: u64 ids u32 page 0 | records, by id, `record bytes` each      |
 *            | f64    | u32     |            | (16 bytes each)           |                                          |
 *            +--------+---------+------------+---------------------------+------------------------------------------+
 *
 * `cursor` is the index of the first window that has not fired (-Infinity: none has). `ids` are the bits of the ids
 * 64 page + bit that have a record; pages ascend, and none is without. A record is as aggregation.ts draws it, its
 * float sums with one bit pattern for every NaN.
 */
export const PARAM_SIZE: usize = 0
export const PARAM_SLIDE: usize = 8
export const PARAM_OFFSET: usize = 16
export const PARAM_WATERMARK: usize = 24
export const PARAM_CURSOR: usize = 32
export const PARAM_HIGH_WATER: usize = 40
/** Where the columns begin. */
export const PARAM_COLUMNS: u32 = 44

export const SLICE_RECORDS: usize = 8
export const SLICE_PAGES: usize = 12
export const SLICE_HEAD: usize = 16
export const SLICE_PAGE_BYTES: usize = 16
export const PAGE_NUMBER: usize = 8
