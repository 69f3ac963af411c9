/* q2, selection: the bids on every 123rd auction. Output: append. */
import { query } from './query.js'

export default query('q2', 'append', ({ bids }) =>
  bids.filter(bid => bid.auction % 123n === 0n).select('auction', 'price'),
)
