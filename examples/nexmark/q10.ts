/* q10, bids with their day and minute, by which files are partitioned. Output: append. */
import { column } from 'sabot'
import { query } from './query.js'

export default query('q10', 'append', ({ bids }) =>
  bids.select({
    auction: 'auction',
    bidder: 'bidder',
    price: 'price',
    dateTime: 'dateTime',
    extra: 'extra',
    dt: column('utf8', bid => new Date(bid.dateTime).toISOString().slice(0, 10)),
    hm: column('utf8', bid => new Date(bid.dateTime).toISOString().slice(11, 16)),
  }),
)
