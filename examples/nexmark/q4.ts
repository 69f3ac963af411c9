/* q4, average price for a category: of the winning bids so far. Output: update. */
import { global, mean } from 'sabot'
import { query } from './query.js'
import { closingPrices } from './winning-bids.js'

export default query('q4', 'update', events =>
  closingPrices(events)
    .keyBy('category')
    .window(global())
    .emit('updates')
    .accumulate('retracting')
    .aggregate({ avgPrice: mean('price') }),
)
