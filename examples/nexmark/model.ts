/*
 * Nexmark: an auction house of persons, auctions and bids, as the benchmark's Java version has it (nexmark/nexmark).
 * Money is in cents, times are ms. Of 50 events, an epoch, the first is a person, three are auctions, the rest bids.
 * What stands here needs no random numbers.
 */
import { type RowOf, schema } from 'sabot'

export const PERSON = {
  id: 'i64',
  name: 'utf8',
  emailAddress: 'utf8',
  creditCard: 'utf8',
  city: 'utf8',
  state: 'utf8',
  dateTime: 'timestamp',
  extra: 'utf8',
} as const

export const AUCTION = {
  id: 'i64',
  itemName: 'utf8',
  description: 'utf8',
  initialBid: 'i64',
  reserve: 'i64',
  dateTime: 'timestamp',
  expires: 'timestamp',
  seller: 'i64',
  category: 'i64',
  extra: 'utf8',
} as const

export const BID = {
  auction: 'i64',
  bidder: 'i64',
  price: 'i64',
  channel: 'utf8',
  url: 'utf8',
  dateTime: 'timestamp',
  extra: 'utf8',
} as const

export type Person = RowOf<typeof PERSON>
export type Auction = RowOf<typeof AUCTION>
export type Bid = RowOf<typeof BID>

export const personSchema = schema(PERSON)
export const auctionSchema = schema(AUCTION)
export const bidSchema = schema(BID)

export const EPOCH = 50
export const FIRST_ID = 1000
/** Ids up to this much beyond the last one are referred to, too: they do not exist yet. */
const LEAD = 10
const ACTIVE_PERSONS = 1000
const OPEN_AUCTIONS = 100
const HOT_EVERY = 100
/** Auctions end within twice the time of this many events. */
const AUCTION_EVENTS = 1666

/** 2015-07-15T00:00:00Z */
export const BASE_TIME = 1_436_918_400_000

export type Kind = 'person' | 'auction' | 'bid'

export function kindOf(event: number): Kind {
  const rest = event % EPOCH
  return rest === 0 ? 'person' : rest <= 3 ? 'auction' : 'bid'
}

/** The number, from 0, of the newest person when the event happens. */
export function lastPerson(event: number): number {
  return Math.floor(event / EPOCH)
}

/** The number, from 0, of the newest auction when the event happens; -1 before the first. */
export function lastAuction(event: number): number {
  const epoch = Math.floor(event / EPOCH)
  const rest = event % EPOCH
  if (rest === 0) return 3 * (epoch - 1) + 2
  return 3 * epoch + Math.min(rest, 3) - 1
}

/** Three of four sellers are this person. */
export function hotSeller(event: number): number {
  return FIRST_ID + Math.floor(lastPerson(event) / HOT_EVERY) * HOT_EVERY
}

/** Half of all bids are on this auction. */
export function hotAuction(event: number): number {
  return FIRST_ID + Math.floor(Math.max(lastAuction(event), 0) / HOT_EVERY) * HOT_EVERY
}

/** Three of four bids are this person's. The Java version adds 1000 twice here, so that no bidder is a person. */
export function hotBidder(event: number): number {
  return FIRST_ID + Math.floor(lastPerson(event) / HOT_EVERY) * HOT_EVERY + 1
}

/** One of the newest persons, or of the next few. */
export function anyPerson(event: number, below: (n: number) => number): number {
  const last = lastPerson(event)
  const active = Math.min(last + 1, ACTIVE_PERSONS)
  return FIRST_ID + last + 1 - active + below(active + LEAD)
}

/** One of the newest auctions, or of the next few. */
export function anyAuction(event: number, below: (n: number) => number): number {
  const last = lastAuction(event)
  const lowest = Math.max(last - OPEN_AUCTIONS, 0)
  return FIRST_ID + lowest + below(last - lowest + LEAD + 1)
}

/** Event time in ms since `BASE_TIME`, of `rate` events a second. */
export function timeOf(event: number, rate: number): number {
  return Math.floor(Math.trunc(event * (1_000_000 / rate)) / 1000)
}

/** How long an auction may last at most, less 1 ms. */
export function longestAuction(event: number, rate: number): number {
  return Math.max(2 * (timeOf(event + AUCTION_EVENTS, rate) - timeOf(event, rate)), 1)
}
