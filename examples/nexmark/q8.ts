/* q8, monitor new users: persons who registered and opened an auction in the same 10 s. Output: append. */
import { count, left, tumbling } from 'sabot'
import { query } from './query.js'

export default query('q8', 'append', ({ persons, auctions }) => {
  const registered = persons.keyBy('id', 'name').window(tumbling('10s')).aggregate({ times: count() })
  const sellers = auctions.keyBy('seller').window(tumbling('10s')).aggregate({ auctions: count() })
  // Results of one window have one event time.
  return registered
    .keyBy('id', 'windowStart')
    .intervalJoin(sellers.keyBy('seller', 'windowStart'), { from: 0, to: 0 })
    .select({ id: left('id'), name: left('name'), windowStart: left('windowStart') })
})
