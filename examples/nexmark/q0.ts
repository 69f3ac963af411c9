/* q0, pass through: the bids without channel and url. Output: append. */
import { query } from './query.js'

export default query('q0', 'append', ({ bids }) => bids.select('auction', 'bidder', 'price', 'dateTime', 'extra'))
