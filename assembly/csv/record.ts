/* One record, field by field. */
import { CSV_TOO_FEW_FIELDS, CSV_TOO_MANY_FIELDS } from '../abi'
import { fail } from '../json/fault'
import { Node } from '../json/layout'
import { skipField } from './field'
import { CsvDecoder } from './layout'
import { decodeField } from './value'

/** The node that refused the record, 0 when no column did. */
export let refusedBy: u32 = 0

/** The end of the record at `start`, whose values are in row decoder.row; 0 on a fault. */
export function decodeRecord(decoder: CsvDecoder, start: usize): usize {
  const delimiter = decoder.delimiter
  const row = decoder.row
  let column = decoder.columns
  const last = column + (<usize>(decoder.width - 1) << 2)
  let at = start
  refusedBy = 0
  decoder.quoted = 0
  while (true) {
    const node = <usize>load<u32>(column)
    const end = node == 0 ? skipField(decoder, at) : decodeField(decoder, changetype<Node>(node), at, row)
    if (end == 0) {
      refusedBy = node == 0 ? 0 : changetype<Node>(node).index
      return 0
    }
    if (<u32>load<u8>(end) != delimiter) return column == last ? end : fail(CSV_TOO_FEW_FIELDS, end)
    if (column == last) return fail(CSV_TOO_MANY_FIELDS, end)
    at = end + 1
    column += 4
  }
}
