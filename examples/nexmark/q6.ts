/* q6, average selling price by seller: of the last 10 winning bids, whenever one wins. Output: append. */
import { countWindow, last, mean } from 'sabot'
import { query } from './query.js'
import { winningBids } from './winning-bids.js'

export default query('q6', 'append', events =>
  winningBids(events)
    .select({ seller: 'seller', expires: row => row.bid.expires, price: row => row.bid.price })
    .keyBy('seller')
    .window(countWindow(10, 1))
    .aggregate({ expires: last('expires'), avgPrice: mean('price') }),
)
