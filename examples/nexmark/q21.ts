/* q21, channel ids: from the channel's name, or from its url; bids without one are left out. Output: append. */
import { column } from 'sabot'
import { query } from './query.js'

const KNOWN = new Map([
  ['apple', '0'],
  ['google', '1'],
  ['facebook', '2'],
  ['baidu', '3'],
])

export default query('q21', 'append', ({ bids }) =>
  bids
    .select({
      auction: 'auction',
      bidder: 'bidder',
      price: 'price',
      channel: 'channel',
      channelId: column('utf8', bid => KNOWN.get(bid.channel.toLowerCase()) ?? idInUrl(bid.url)),
    })
    .filter(bid => bid.channelId !== ''),
)

function idInUrl(url: string): string {
  return /[?&]channel_id=([^&]*)/.exec(url)?.[1] ?? ''
}
