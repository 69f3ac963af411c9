/* q18, last bid: of each bidder on each auction. Output: update. */
import { global, last } from 'sabot'
import { query } from './query.js'

export default query('q18', 'update', ({ bids }) =>
  bids
    .keyBy('bidder', 'auction')
    .window(global())
    .emit('updates')
    .accumulate('retracting')
    .aggregate({ price: last('price'), channel: last('channel'), dateTime: last('dateTime'), extra: last('extra') }),
)
