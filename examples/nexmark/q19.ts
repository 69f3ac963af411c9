/* q19, the ten highest bids of each auction, of equal ones the earlier. Output: update. */
import { query } from './query.js'

export default query('q19', 'update', ({ bids }) => bids.keyBy('auction').topN(10, { by: 'price', ttl: 'none' }))
