/* q22, directories of the url: its parts 3, 4 and 5 between slashes. Output: append. */
import { column } from 'sabot'
import { query } from './query.js'

export default query('q22', 'append', ({ bids }) =>
  bids.select({
    auction: 'auction',
    bidder: 'bidder',
    price: 'price',
    channel: 'channel',
    dir1: column('utf8', bid => part(bid.url, 3)),
    dir2: column('utf8', bid => part(bid.url, 4)),
    dir3: column('utf8', bid => part(bid.url, 5)),
  }),
)

function part(url: string, index: number): string {
  if (url !== last.url) last = { url, parts: url.split('/', 6) }
  return last.parts[index] ?? ''
}

/** A row's fields are computed one behind the other. */
let last: { readonly url: string; readonly parts: readonly string[] } = { url: '', parts: [] }
