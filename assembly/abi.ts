/*
 * The binary contract of sabot.wasm: every status, type code, flag, offset and version that crosses
 * between the kernels and a host. This file is compiled by AssemblyScript and by TypeScript alike, so it
 * holds untyped integer constants only, and imports nothing.
 *
 * Conventions
 * - Pointers, lengths, counts and ids are u32 (i32 in a signature; never i64, so that no BigInt is made).
 * - Times are f64 milliseconds since 1970-01-01T00:00:00Z; they are exact within ±8.64e15. A watermark of
 *   -Infinity means "nothing known yet", +Infinity "end of input".
 * - A function that returns a count or a pointer returns a negative status instead when it fails, and puts
 *   details into the result area (below). Functions whose result may be a pointer above 2 GiB return 0 for failure
 *   and put the status into the result area.
 * - Every region handed out is aligned to 64 bytes and may be read up to 64 bytes past its end.
 * - memory.grow detaches host views: take views anew after any call that may allocate.
 * - Same calls, same outputs, same snapshot bytes, on every host.
 */

export const ABI_VERSION = 1

// ---- status codes -------------------------------------------------------------------------------------------------

export const STATUS_OK = 0
/** The memory ceiling is reached. State is as it was before the row in RESULT_ROW. */
export const STATUS_MEMORY_LIMIT = -1
/** An argument is outside its domain; RESULT_DETAIL tells which (counted from 0). */
export const STATUS_ARGUMENT = -2
/** A timestamp is null, NaN or beyond ±8.64e15 ms; RESULT_ROW and RESULT_DETAIL (a TIMESTAMP_ reason). */
export const STATUS_TIMESTAMP = -3
/** An integer sum left the i64 range; RESULT_DETAIL is the aggregated column. */
export const STATUS_SUM_OVERFLOW = -4
/** More live slices than LIMIT_SLICES. */
export const STATUS_TOO_MANY_SLICES = -5
/** More distinct keys than LIMIT_KEYS. */
export const STATUS_TOO_MANY_KEYS = -6
/** A dictionary code is not in the bound dictionary; RESULT_ROW. */
export const STATUS_UNKNOWN_CODE = -7
/** Snapshot: not a snapshot of this kind at all. */
export const STATUS_SNAPSHOT_FOREIGN = -10
/** Snapshot: written by a newer version of the format. */
export const STATUS_SNAPSHOT_VERSION = -11
/** Snapshot: shorter than it says, or offsets that lead outside. */
export const STATUS_SNAPSHOT_TRUNCATED = -12
/** Snapshot: a checksum does not fit; RESULT_DETAIL is the section's number, or 0xffffffff for the header. */
export const STATUS_SNAPSHOT_CHECKSUM = -13
/** Snapshot: of an operator with other parameters; RESULT_DETAIL is a MISMATCH_ code. */
export const STATUS_SNAPSHOT_MISMATCH = -14

/** Snapshot: its checksum fits, but its contents contradict themselves (a key twice, a key in two groups). */
export const STATUS_SNAPSHOT_CORRUPT = -15

export const MISMATCH_KEY_KIND = 1
export const MISMATCH_MAX_PARALLELISM = 2
export const MISMATCH_WINDOW = 3
export const MISMATCH_COLUMNS = 4
export const MISMATCH_SEED = 5

export const TIMESTAMP_NULL = 1
export const TIMESTAMP_NAN = 2
export const TIMESTAMP_RANGE = 3

// ---- the result area: 64 bytes at resultPtr(), overwritten by each call that says so -------------------------------
//
//    0        4        8                16               24        32
//    +--------+--------+----------------+----------------+---------+
//    | row    | detail | number (f64)   | hash low  (u64)| hash    |
//    | (u32)  | (u32)  |                |                | high    |
//    +--------+--------+----------------+----------------+---------+

export const RESULT_ROW = 0
/** Where a call returns a region of its own: the region instead of a row, and its bytes instead of a detail. */
export const RESULT_POINTER = 0
export const RESULT_SIZE = 4
export const RESULT_DETAIL = 4
export const RESULT_NUMBER = 8
export const RESULT_HASH = 16
export const RESULT_HASH_HIGH = 24
export const RESULT_STATUS = 32
export const RESULT_BYTES = 64

// ---- limits -------------------------------------------------------------------------------------------------------

/** Largest magnitude of a timestamp in ms: the range of a JavaScript Date. */
export const LIMIT_TIMESTAMP = 8640000000000000
export const LIMIT_SLICES = 1048576
export const LIMIT_KEYS = 268435456
/** Longest window and longest slide in ms (about 3,170 years): every window boundary is then exact in an f64. */
export const LIMIT_WINDOW = 100000000000000
/** Most slices of gcd(size, slide) in one window. */
export const LIMIT_SLICES_PER_WINDOW = 65536
/** Rows in one batch handed to a kernel. */
export const LIMIT_BATCH_ROWS = 65536
/** Rows that one firing call writes at most. */
export const OUTPUT_ROWS = 8192
/** Memory ceiling when the host sets none. */
export const DEFAULT_MEMORY_LIMIT = 2147483648
export const REGION_ALIGN = 64
export const REGION_PADDING = 64

// ---- column types, as the kernels see them -----------------------------------------------------------------------

export const TYPE_BOOL = 0 // one bit a row, least significant first (Arrow)
export const TYPE_I32 = 1
export const TYPE_I64 = 2
export const TYPE_F32 = 3
export const TYPE_F64 = 4

export const UNIT_SECOND = 0
export const UNIT_MILLISECOND = 1
export const UNIT_MICROSECOND = 2
export const UNIT_NANOSECOND = 3

// ---- keys ---------------------------------------------------------------------------------------------------------

/** 4-byte keys: i32, u32, bool widened to u32. */
export const KEY_32 = 0
/** 8-byte keys: i64, timestamp, decimal. */
export const KEY_64 = 1
/** f64 keys (f32 is widened): -0 is 0, every NaN is one key. */
export const KEY_F64 = 2
/** UTF-8 strings. */
export const KEY_UTF8 = 3
/** Composite keys in their canonical bytes (see keys.ts). */
export const KEY_COMPOSITE = 4
/** bool keys: 4-byte, 0 or 1; hashed as Java's Boolean. */
export const KEY_BOOL = 5

// A column of a composite key is described to keysCodeComposite by a record of 32 bytes:
//   0        4          8        12        16       20        24                32
//   +--------+----------+--------+---------+--------+---------+-----------------+
//   | type   | validity | values | offsets | bytes  | entries | 0               |
//   +--------+----------+--------+---------+--------+---------+-----------------+
// values: i32, i64, f64 or (bool) u32, or the u32 codes of a dictionary; offsets and bytes: of utf8, or of the
// dictionary's entries. The types are also the tags of a key's canonical bytes, where a dictionary is utf8.
export const COMPONENT_NULL = 0
export const COMPONENT_I32 = 1
export const COMPONENT_I64 = 2
export const COMPONENT_F64 = 3
export const COMPONENT_BOOL = 4
export const COMPONENT_UTF8 = 5
export const COMPONENT_DICTIONARY = 6
export const COMPONENT_AT_TYPE = 0
export const COMPONENT_AT_VALIDITY = 4
export const COMPONENT_AT_VALUES = 8
export const COMPONENT_AT_OFFSETS = 12
export const COMPONENT_AT_BYTES = 16
export const COMPONENT_AT_ENTRIES = 20
export const COMPONENT_RECORD_BYTES = 32
/** The most columns that one composite key may have. */
export const LIMIT_COMPONENTS = 64

/** The id that stands for "no id". */
export const NO_ID = 0xffffffff

export const DEFAULT_MAX_PARALLELISM = 128
export const LIMIT_MAX_PARALLELISM = 32768

// ---- watermark coalescer: bits of what a call changed ---------------------------------------------------------------

/** The coalesced watermark advanced; read it with coalescerWatermark(). It precedes a turn to idle. */
export const COALESCED_WATERMARK = 1
/** The output turned idle. */
export const COALESCED_IDLE = 2
/** The output turned active. It precedes a watermark. */
export const COALESCED_ACTIVE = 4

// ---- windows ------------------------------------------------------------------------------------------------------

// Specification of one aggregated input column: TYPE_ code | flags.
export const COLUMN_TYPE_MASK = 0xff
/** min and max are wanted besides the non-null count and the sum. */
export const COLUMN_MIN_MAX = 0x100
/** The column may hold nulls: its non-null count differs from the row count. */
export const COLUMN_NULLABLE = 0x200

// Output columns of a firing, numbered; pointers from windowOutput(window, number).
export const OUT_KEY_ID = 0 // u32
export const OUT_START = 1 // f64 ms, inclusive
export const OUT_END = 2 // f64 ms, exclusive
export const OUT_COUNT = 3 // f64: rows of the key in the window
/** f64: the watermark in force before the one that let the session fire; windows have no such column. */
export const OUT_WATERMARK = 4
export const OUT_FIRST_COLUMN = 5
export const OUT_COLUMN_STRIDE = 4
// For aggregated column c: OUT_FIRST_COLUMN + c * OUT_COLUMN_STRIDE + one of these.
export const OUT_NON_NULL = 0 // f64
export const OUT_SUM = 1 // f64 for float columns, i64 for integer columns
export const OUT_MIN = 2 // as OUT_SUM; undefined where OUT_NON_NULL is 0
export const OUT_MAX = 3 // as OUT_SUM; undefined where OUT_NON_NULL is 0

// ---- joins --------------------------------------------------------------------------------------------------------

export const JOIN_LEFT = 0
export const JOIN_RIGHT = 1
/** Rows of an outer side come out alone when they leave without having met a partner; flag of side s: this << s. */
export const JOIN_OUTER_LEFT = 1
export const JOIN_OUTER_RIGHT = 2
/** Rows that one call puts out at most. */
export const JOIN_OUTPUT_ROWS = 8192
// What joinOutput points at, columns of JOIN_OUTPUT_ROWS rows one behind the other:
//   left u32 | right u32 | left gone u32 | right gone u32 | time f64 | watermark f64
// left and right: the rows of a pair, or NO_ID. gone: rows that are not kept any more.

// ---- snapshots ----------------------------------------------------------------------------------------------------
//
// One operator's part: header, parameters, directory, sections. Little-endian, 8-byte aligned.
//
//   header, 64 bytes
//   0        4        8        12       16       20       24       28       32
//   +--------+--------+--------+--------+--------+--------+--------+--------+
//   | magic  | version| kind   | key    | maxPar |sections| params | 0      |
//   | "SBOT" | u32    | u32    | kind   | u32    | u32    | bytes  |        |
//   +--------+--------+--------+--------+--------+--------+--------+--------+
//   | total bytes u64 | hash seed u64   | 0               | checksum        |
//   +-----------------+-----------------+-----------------+-----------------+
//   32                40                48                56                64
//
//   checksum: XXH64 of params and directory, seeded by the XXH64 of header [0, 56)
//   params: `params bytes` bytes, by kind (windows/snapshot-layout.ts and sessions/snapshot.ts draw them)
//   directory: one entry of 32 bytes a section; the sections follow one another without gaps
//   +--------+--------+-----------------+-----------------+-----------------+
//   | number | 0      | offset u64      | bytes u64       | XXH64 of section|
//   +--------+--------+-----------------+-----------------+-----------------+
//
//   section 0: the keys with their ids and key groups, in the order of ids (keys/section.ts)
//   section 1: the state by slice and id, or the sessions by id (drawn where the params are)
//   What is restored is filtered by the key groups that section 0 tells.
//
// Parts of version 1 have a section for each key group (windows/restore-v1.ts); they are still read.

export const SNAPSHOT_MAGIC = 0x544f4253 // "SBOT" in little-endian
export const SNAPSHOT_VERSION = 2
export const SNAPSHOT_KIND_WINDOW = 1
export const SNAPSHOT_KIND_SESSION = 2
export const SNAPSHOT_HEADER_BYTES = 64
export const SNAPSHOT_ENTRY_BYTES = 32
export const SNAPSHOT_AT_MAGIC = 0
export const SNAPSHOT_AT_VERSION = 4
export const SNAPSHOT_AT_KIND = 8
export const SNAPSHOT_AT_KEY_KIND = 12
export const SNAPSHOT_AT_MAX_PARALLELISM = 16
export const SNAPSHOT_AT_SECTIONS = 20
export const SNAPSHOT_AT_PARAMS_BYTES = 24
export const SNAPSHOT_AT_TOTAL_BYTES = 32
export const SNAPSHOT_AT_SEED = 40
export const SNAPSHOT_AT_CHECKSUM = 56

// ---- timers -------------------------------------------------------------------------------------------------------

/** A tag with this bit deletes the timer. */
export const TIMER_TAKES_BACK = 0x80000000

// ---- JSON decoding ------------------------------------------------------------------------------------------------

export const JSON_LINES = 0 // one object a line (NDJSON)
export const JSON_ARRAY = 1 // one array of objects

// A plan tells the decoder what to take: `count` records of 24 bytes, parents before children, then the keys' bytes.
//   0        4        8          12       16           20           24
//   +--------+--------+----------+--------+------------+------------+
//   | parent | type   | nullable | scale  | key offset | key length |
//   +--------+--------+----------+--------+------------+------------+
// Node 0 is the record itself (JSON_OBJECT). Key offsets count from the start of the plan. The child of a list is its
// element, and has no key. scale: the digits of a decimal; for a timestamp, log10 of how many ms one unit has.
export const JSON_PLAN_RECORD_BYTES = 24
export const JSON_OBJECT = 0 // on the way to columns, itself none
export const JSON_STRUCT = 1
export const JSON_BOOL = 2
export const JSON_I32 = 3
export const JSON_I64 = 4
export const JSON_F32 = 5
export const JSON_F64 = 6
export const JSON_UTF8 = 7
export const JSON_TIMESTAMP = 8
export const JSON_DECIMAL = 9
export const JSON_LIST = 10
/** Any value, as the bytes of its JSON text. */
export const JSON_TEXT = 11
export const LIMIT_JSON_NODES = 4096

// What jsonDecode returns when it did not fail.
/** All complete records of the input are decoded. */
export const JSON_MORE_INPUT = 0
/** The batch is full: take it, then call jsonNextBatch and jsonDecode again. */
export const JSON_BATCH_FULL = 1

// Reasons of rejected records.
export const JSON_SYNTAX = 1 // not JSON
export const JSON_NOT_AN_OBJECT = 2 // JSON, or the beginning of it, but no object
export const JSON_WRONG_TYPE = 3 // a value that the column's type does not take
export const JSON_NULL = 4 // null in a column that is not nullable
export const JSON_MISSING = 5 // no such field, in a column that is not nullable
export const JSON_OUT_OF_RANGE = 6 // a number or time beyond the column's range
export const JSON_NOT_EXACT = 7 // a fraction in an integer column, or more digits than a decimal has
export const JSON_TIMESTAMP_TEXT = 8 // a text that is no ISO 8601 date or time
export const JSON_UTF8_INVALID = 9 // bytes that are not UTF-8
export const JSON_TOO_LARGE = 10 // longer than the record limit; only its first bytes are kept
export const JSON_TOO_DEEP = 11 // nested deeper than LIMIT_JSON_DEPTH
export const JSON_UNTERMINATED = 12 // the array does not end
export const JSON_AFTER_END = 13 // something follows the array
export const JSON_NO_ARRAY = 14 // the text does not begin with an array

/** Nesting below the record. */
export const LIMIT_JSON_DEPTH = 131072
/** Bytes kept of a record that is too large. */
export const JSON_HEAD_BYTES = 4096
/** Entries of a dictionary that the decoder fills. */
export const LIMIT_JSON_ENTRIES = 65536

// The report: jsonBatch returns a pointer to this header, behind which stands a record of 32 bytes for each node.
//   0      4          8         12        16       20       24       28   32         40      48         56        64
//   +------+----------+---------+---------+--------+--------+--------+----+----------+-------+----------+---------+
//   | rows | rejected | rejects | reject  | fixups | fixups | fixup  | 0  | position | lines | lone sur-| by tem- |
//   |      | (count)  | pointer | bytes   | (count)| pointer| bytes  |    | f64      | f64   | rogates  | plate   |
//   +------+----------+---------+---------+--------+--------+--------+----+----------+-------+----------+---------+
export const JSON_REPORT_ROWS = 0
export const JSON_REPORT_REJECTED = 4
export const JSON_REPORT_REJECTS = 8
export const JSON_REPORT_REJECT_BYTES = 12
export const JSON_REPORT_FIXUPS = 16
export const JSON_REPORT_FIXUP_RECORDS = 20
export const JSON_REPORT_FIXUP_BYTES = 24
/** f64: bytes of the input that are decoded; reading can go on there. */
export const JSON_REPORT_POSITION = 32
/** f64: lines, or elements of the array, that are decoded. */
export const JSON_REPORT_LINES = 40
/** f64: lone surrogates replaced by U+FFFD since the decoder was made. */
export const JSON_REPORT_LONE_SURROGATES = 48
/** f64: records since the decoder was made that the template decoded. */
export const JSON_REPORT_TEMPLATE_RECORDS = 56
export const JSON_REPORT_BYTES = 64

//   column:  0          4        8         12      16      20        24           28        32
//            +----------+--------+---------+-------+-------+---------+------------+---------+
//            | validity | values | offsets | bytes | coded | entries | generation | length  |
//            +----------+--------+---------+-------+-------+---------+------------+---------+
// validity: an Arrow bitmap, 0 when no row is null. values: of fixed width, or codes. offsets: u32[length + 1] of plain
// strings and lists, u32[entries + 1] of a dictionary; they begin at 0. generation: counts the column's dictionaries.
export const JSON_COLUMN_VALIDITY = 0
export const JSON_COLUMN_VALUES = 4
export const JSON_COLUMN_OFFSETS = 8
export const JSON_COLUMN_BYTES = 12
export const JSON_COLUMN_CODED = 16
export const JSON_COLUMN_ENTRIES = 20
export const JSON_COLUMN_GENERATION = 24
export const JSON_COLUMN_LENGTH = 28
export const JSON_COLUMN_RECORD_BYTES = 32

//   rejected:  0          8        16          24       28     32            36           40     44     48
//              +----------+--------+-----------+--------+------+-------------+------------+------+------+
//              | position | line   | bytes in  | reason | node | first of    | bytes      | at   | 0    |
//              | f64      | f64    | all f64   |        |      | the bytes   | kept       |      |      |
//              +----------+--------+-----------+--------+------+-------------+------------+------+------+
// position: byte in the input. line: from 1 (elements of an array). at: byte in the record where it was noticed.
export const JSON_REJECT_POSITION = 0
export const JSON_REJECT_LINE = 8
export const JSON_REJECT_SIZE = 16
export const JSON_REJECT_REASON = 24
export const JSON_REJECT_NODE = 28
export const JSON_REJECT_BYTES = 32
export const JSON_REJECT_KEPT = 36
export const JSON_REJECT_AT = 40
export const JSON_REJECT_RECORD_BYTES = 48

// Fixups are numbers whose nearest double the kernel cannot decide: the host reads the text and writes the value.
//   0        4       8        12       16
//   +--------+-------+--------+--------+
//   | node   | row   | offset | length |
//   +--------+-------+--------+--------+
export const JSON_FIXUP_NODE = 0
export const JSON_FIXUP_ROW = 4
export const JSON_FIXUP_OFFSET = 8
export const JSON_FIXUP_LENGTH = 12
export const JSON_FIXUP_RECORD_BYTES = 16

// ---- CSV decoding -------------------------------------------------------------------------------------------------
//
// A plan tells the decoder its columns: one record of 16 bytes a column, `scale` as in a JSON plan. Its columns are
// the nodes 1, 2, ... of the report, which is that of a JSON decoder (JSON_REPORT_ above; no record is by template).
//   0        4          8        12       16
//   +--------+----------+--------+--------+
//   | JSON_  | nullable | scale  | 0      |
//   | type   |          |        |        |
//   +--------+----------+--------+--------+
export const CSV_PLAN_RECORD_BYTES = 16
export const LIMIT_CSV_COLUMNS = 4096

// The dialect, followed by the lengths of the null texts, u32 each, and their bytes one after the other.
//   0           4        8        12        16     20          24
//   +-----------+--------+--------+---------+------+-----------+-------------------
//   | delimiter | quote  | escape | comment | trim | null text | lengths, bytes ...
//   |           |        |        |         |      | count     |
//   +-----------+--------+--------+---------+------+-----------+-------------------
export const CSV_DIALECT_DELIMITER = 0
export const CSV_DIALECT_QUOTE = 4
export const CSV_DIALECT_ESCAPE = 8
export const CSV_DIALECT_COMMENT = 12
export const CSV_DIALECT_TRIM = 16
export const CSV_DIALECT_NULLS = 20
export const CSV_DIALECT_BYTES = 24
/** In place of a quote, escape or comment byte: there is none. */
export const CSV_NONE = 256

/** What csvDecode returns, besides JSON_MORE_INPUT and JSON_BATCH_FULL: the first record is at RESULT_POINTER. */
export const CSV_HEADER = 2

// Reasons of rejected records, besides those of JSON.
export const CSV_TOO_FEW_FIELDS = 32
export const CSV_TOO_MANY_FIELDS = 33
export const CSV_AFTER_QUOTE = 34 // something follows a closing quote
export const CSV_UNTERMINATED = 35 // a quote that never closes; the record is taken to end with its line

// ---- encoding of rows as text -------------------------------------------------------------------------------------
//
// A task: rows [from, to) of the selection (or of the columns, where it is 0) become text at `output`, of at most
// `capacity` bytes. Each row is, column after column, the column's prefix and its value; then the end text.
//   0         4        8           12     16   20       24         28        32       36     40       44        48
//   +---------+--------+-----------+------+----+--------+----------+---------+--------+------+--------+---------+
//   | columns | column | selection | from | to | output | capacity | null    | null   | end  | end    | dialect |
//   |         | count  | u32[]     |      |    |        |          | text    | length | text | length | or 0    |
//   +---------+--------+-----------+------+----+--------+----------+---------+--------+------+--------+---------+
//   48           52
//   +------------+
//   | time quote |
//   +------------+
// dialect: CSV_DIALECT_ above for CSV; 0 for JSON. time quote: the byte around timestamps, 0 for none.
export const ENCODE_TASK_COLUMNS = 0
export const ENCODE_TASK_COLUMN_COUNT = 4
export const ENCODE_TASK_SELECTION = 8
export const ENCODE_TASK_FROM = 12
export const ENCODE_TASK_TO = 16
export const ENCODE_TASK_OUTPUT = 20
export const ENCODE_TASK_CAPACITY = 24
export const ENCODE_TASK_NULL = 28
export const ENCODE_TASK_NULL_LENGTH = 32
export const ENCODE_TASK_END = 36
export const ENCODE_TASK_END_LENGTH = 40
export const ENCODE_TASK_DIALECT = 44
export const ENCODE_TASK_TIME_QUOTE = 48
export const ENCODE_TASK_BYTES = 64

//   column:  0      4          8        12        16      20     24       28       32      40
//            +------+----------+--------+---------+-------+------+--------+--------+-------+
//            | type | validity | values | offsets | bytes | size | prefix | prefix | scale |
//            |      |          |        |         |       |      |        | length |       |
//            +------+----------+--------+---------+-------+------+--------+--------+-------+
// type: a JSON_ type above without structs and lists, or ENCODE_DICTIONARY: `values` are u32 codes of texts that
// encodeTexts has made. size: bytes of strings and texts; texts of a dictionary. JSON_TEXT is written as it is.
export const ENCODE_DICTIONARY = 12
export const ENCODE_COLUMN_TYPE = 0
export const ENCODE_COLUMN_VALIDITY = 4
export const ENCODE_COLUMN_VALUES = 8
export const ENCODE_COLUMN_OFFSETS = 12
export const ENCODE_COLUMN_BYTES = 16
export const ENCODE_COLUMN_SIZE = 20
export const ENCODE_COLUMN_PREFIX = 24
export const ENCODE_COLUMN_PREFIX_LENGTH = 28
export const ENCODE_COLUMN_SCALE = 32
export const ENCODE_COLUMN_RECORD_BYTES = 40

/** The text of a string of n bytes is at most n times this, and ENCODE_TEXT_MORE; \u001f is six bytes of one. */
export const ENCODE_TEXT_FACTOR = 6
export const ENCODE_TEXT_MORE = 2
/** Bytes behind a text that writing it may touch. */
export const ENCODE_SLACK = 64
