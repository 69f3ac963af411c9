/* q9, winning bids: the highest bid of each auction, of equal ones the earliest. Output: update. */
import { query } from './query.js'
import { LONGEST_AUCTION, offers } from './winning-bids.js'

export default query('q9', 'update', events =>
  offers(events).keyBy('auction').topN(1, { by: 'price', ttl: LONGEST_AUCTION }),
)
