/* q11, user sessions: bids of each bidder until there is none for 10 s. Output: append. */
import { count, session } from 'sabot'
import { query } from './query.js'

export default query('q11', 'append', ({ bids }) =>
  bids.keyBy('bidder').window(session('10s')).aggregate({ bids: count() }),
)
