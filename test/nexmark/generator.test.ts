import { beforeAll, describe, expect, it } from 'vitest'
import { nexmark, preparedNexmark } from '../../examples/nexmark/generator.js'
import {
  type Auction,
  type Bid,
  hotAuction,
  hotBidder,
  hotSeller,
  kindOf,
  lastAuction,
  lastPerson,
  type Person,
  timeOf,
} from '../../examples/nexmark/model.js'
import type { Source } from '../../src/operators/source.js'
import { readAll } from '../connectors/reading.js'

async function rowsOf<Row>(source: Source<Row>, batchRows = 1000, position?: number): Promise<Row[]> {
  return (await readAll(source, { batchRows, position })).rows as Row[]
}

describe('what needs no random numbers', () => {
  it.each([
    [2, 'auction', [1001], 1000, 1001, 1000],
    [50, 'person', [1001], 1000, 1001, 1000],
    [51, 'auction', [1003], 1000, undefined, 1000],
    [52, 'auction', [1004], 1000, undefined, 1000],
    [53, 'auction', [1005], 1000, undefined, 1000],
    [1666, 'bid', [], 1100, 1001, 1000],
    [5000, 'person', [1100], 1200, 1101, 1100],
    [5050, 'person', [1101], 1300, 1101, 1100],
    [1_000_000, 'person', [21_000], 60_900, 21_001, 21_000],
  ])('event %i is a %s', (event, kind, ids, auction, bidder, seller) => {
    expect(kindOf(event)).toBe(kind)
    const id = kind === 'person' ? [1000 + lastPerson(event)] : kind === 'auction' ? [1000 + lastAuction(event)] : []
    expect(id).toEqual(ids)
    expect(hotAuction(event)).toBe(auction)
    if (bidder !== undefined) expect(hotBidder(event)).toBe(bidder)
    expect(hotSeller(event)).toBe(seller)
  })

  it('lets time pass by the rate', () => {
    expect([0, 1, 99, 100, 1_000_000].map(event => timeOf(event, 100_000))).toEqual([0, 0, 0, 1, 10_000])
    expect(timeOf(7, 3_000_000)).toBe(0)
    expect(timeOf(1, 1000)).toBe(1)
  })
})

describe('the events', () => {
  const options = { events: 200_000, rate: 10_000 }
  const streams = nexmark(options)
  let bids: Bid[]
  let auctions: Auction[]
  let persons: Person[]

  beforeAll(async () => {
    bids = await rowsOf(streams.bids)
    auctions = await rowsOf(streams.auctions)
    persons = await rowsOf(streams.persons)
  })

  it('are the same however they are cut, prepared or not, and from any position', async () => {
    const few = nexmark({ events: 5000 })
    const whole = await rowsOf(few.bids)
    expect(await rowsOf(few.bids, 7)).toEqual(whole)
    expect(await rowsOf(preparedNexmark({ events: 5000 }).bids)).toEqual(whole)
    expect(await rowsOf(few.bids, 1000, 2500)).toEqual(whole.slice(2300))
    expect(await rowsOf(few.auctions, 11)).toEqual(await rowsOf(few.auctions))
    expect(await rowsOf(nexmark({ events: 5000, seed: 2 }).bids)).not.toEqual(whole)
  })

  it('have the shares that Nexmark asks for', () => {
    expect([bids.length, auctions.length, persons.length]).toEqual([184_000, 12_000, 4000])
    const share = (holds: (bid: Bid, index: number) => boolean) => bids.filter(holds).length / bids.length
    const eventOf = (index: number) => Math.floor(index / 46) * 50 + 4 + (index % 46)
    expect(share((bid, index) => Number(bid.auction) === hotAuction(eventOf(index)))).toBeCloseTo(0.5, 1)
    expect(share(bid => bid.auction % 123n === 0n)).toBeGreaterThan(0.004)
    expect(share(bid => bid.price * 908n > 1_000_000_000n && bid.price * 908n < 50_000_000_000n)).toBeCloseTo(0.283, 2)
    const hot = ['Google', 'Facebook', 'Baidu', 'Apple']
    expect(share(bid => hot.includes(bid.channel))).toBeCloseTo(0.5, 1)
    expect(share(bid => hot.includes(bid.channel) || /channel_id=\d+$/.test(bid.url))).toBeCloseTo(0.95, 2)
    expect(share((bid, index) => Number(bid.auction) <= 1000 + lastAuction(eventOf(index)))).toBeCloseTo(0.955, 2)
    expect(share((bid, index) => Number(bid.bidder) <= 1000 + lastPerson(eventOf(index)))).toBeCloseTo(0.99, 2)
  })

  it('have ids, times, prices and strings of the stated shape', () => {
    expect(persons.map(({ id }) => Number(id))).toEqual(persons.map((_, index) => 1000 + index))
    expect(auctions.map(({ id }) => Number(id))).toEqual(auctions.map((_, index) => 1000 + index))
    for (const bid of bids.slice(0, 5000)) {
      expect(bid.extra).toMatch(/^[a-z]{54,81}$/)
      expect(bid.url).toMatch(
        /^https:\/\/www\.nexmark\.com\/[a-z]{3,4}\/[a-z]{3,4}\/[a-z]{3,4}\/item\.htm\?query=1(&channel_id=\d+)?$/,
      )
      expect(bid.price).toBeGreaterThanOrEqual(100n)
      expect(bid.price).toBeLessThanOrEqual(100_000_000n)
    }
    for (const auction of auctions.slice(0, 1000)) {
      expect(auction.expires).toBeGreaterThan(auction.dateTime)
      expect(auction.expires - auction.dateTime).toBeLessThanOrEqual(2 * 167 + 1)
      expect(auction.reserve).toBeGreaterThan(auction.initialBid)
      expect(auction.category).toBeGreaterThanOrEqual(10n)
      expect(auction.category).toBeLessThanOrEqual(14n)
      expect(auction.itemName).toBe(auction.itemName.trim())
    }
    for (const person of persons.slice(0, 1000)) {
      expect(person.creditCard).toMatch(/^\d{4} \d{4} \d{4} \d{4}$/)
      expect(person.emailAddress).toMatch(/^[a-z ]*@[a-z ]*\.com$/)
      expect(person.name).toMatch(/^[A-Z][a-z]+ [A-Z][a-z]+$/)
    }
  })

  it('are padded to the stated sizes', () => {
    const mean = (sizes: readonly number[]) => sizes.reduce((a, b) => a + b, 0) / sizes.length
    const bid = mean(bids.map(({ extra }) => 32 + extra.length))
    const auction = mean(auctions.map(row => 48 + row.itemName.length + row.description.length + row.extra.length))
    const person = mean(
      persons.map(
        row =>
          8 +
          row.name.length +
          row.emailAddress.length +
          row.creditCard.length +
          row.city.length +
          row.state.length +
          row.extra.length,
      ),
    )
    expect([bid, auction, person].map(size => Math.round(size / 10))).toEqual([10, 50, 20])
  })
})
