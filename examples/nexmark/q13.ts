/* q13, bounded side input: bids with a value from a table of 10,000 rows. Output: append. */
import { column } from 'sabot'
import { query } from './query.js'

const ROWS = 10_000

/** The side table: key -> value. */
const side = new Map(Array.from({ length: ROWS }, (_, key) => [key, `value ${key}`]))

export default query('q13', 'append', ({ bids }) =>
  bids.select({
    auction: 'auction',
    bidder: 'bidder',
    price: 'price',
    dateTime: 'dateTime',
    value: column('utf8', bid => side.get(Number(bid.auction) % ROWS) ?? ''),
  }),
)
