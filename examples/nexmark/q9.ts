/* q9, winning bids: the highest bid of each auction, of equal ones the earliest. Output: append, when it is over. */
import { query } from './query.js'
import { winningBids } from './winning-bids.js'

export default query('q9', 'append', events =>
  winningBids(events).select({
    auction: 'auction',
    seller: 'seller',
    category: 'category',
    opened: row => row.bid.opened,
    expires: row => row.bid.expires,
    bidder: row => row.bid.bidder,
    price: row => row.bid.price,
    dateTime: row => row.bid.dateTime,
    extra: row => row.bid.extra,
  }),
)
