/* q1, currency conversion: prices in euros at 0.908, the nearest number to the exact product. Output: append. */
import { column } from 'sabot'
import { query } from './query.js'

export default query('q1', 'append', ({ bids }) =>
  bids.select({
    auction: 'auction',
    bidder: 'bidder',
    price: column('f64', bid => (Number(bid.price) * 908) / 1000),
    dateTime: 'dateTime',
    extra: 'extra',
  }),
)
