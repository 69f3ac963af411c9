/* q18, last bid: of each bidder on each auction, by event time. Output: update. */
import { query } from './query.js'

export default query('q18', 'update', ({ bids }) =>
  bids.keyBy('bidder', 'auction').deduplicate({ keep: 'last', ttl: 'none' }),
)
