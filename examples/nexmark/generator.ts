/* Nexmark's persons, auctions and bids as sources. Equal options give equal events, on any machine and from any point. */
import { Batch, Dictionary, DictionaryColumn, memory, type Schema, type Source } from 'sabot'
import { Numbers, Texts } from './columns.js'
import {
  type Auction,
  anyAuction,
  anyPerson,
  auctionSchema,
  BASE_TIME,
  type Bid,
  bidSchema,
  FIRST_ID,
  hotAuction,
  hotBidder,
  hotSeller,
  type Kind,
  kindOf,
  lastAuction,
  lastPerson,
  longestAuction,
  type Person,
  personSchema,
  timeOf,
} from './model.js'
import { EventRandom } from './random.js'

export interface NexmarkOptions {
  /** Events of all three kinds. */
  readonly events: number
  /** Events a second of event time. */
  readonly rate?: number
  readonly seed?: number
  /** The event time of the first event, in ms. */
  readonly base?: number
}

export interface NexmarkStreams {
  readonly persons: Source<Person>
  readonly auctions: Source<Auction>
  readonly bids: Source<Bid>
}

/** The three streams, made while they are read. */
export function nexmark(options: NexmarkOptions): NexmarkStreams {
  return {
    persons: new EventSource('person', personSchema, options),
    auctions: new EventSource('auction', auctionSchema, options),
    bids: new EventSource('bid', bidSchema, options),
  }
}

/** The three streams, made beforehand: for measuring what is done with them. */
export function preparedNexmark(options: NexmarkOptions, batchRows = 8192): NexmarkStreams {
  const prepared = <Row>(kind: Kind, schema: Schema<Row>): Source<Row> => {
    const maker = makerOf(kind, options)
    const batches: Batch<Row>[] = []
    for (let event = 0; event < options.events; ) {
      const [batch, next] = maker.batch(schema, event, batchRows)
      if (batch.length > 0) batches.push(batch)
      event = next
    }
    return memory(batches)
  }
  return {
    persons: prepared('person', personSchema),
    auctions: prepared('auction', auctionSchema),
    bids: prepared('bid', bidSchema),
  }
}

class EventSource<Row> implements Source<Row> {
  readonly kind = 'nexmark'
  readonly replayable = true
  readonly description: string
  readonly schema: Schema<Row>
  private readonly event: Kind
  private readonly options: NexmarkOptions

  constructor(event: Kind, schema: Schema<Row>, options: NexmarkOptions) {
    this.event = event
    this.schema = schema
    this.options = options
    this.description = `${event}s of ${options.events} events`
  }

  /** A position is the number of the next event. */
  async open({ position, batchRows }: { readonly position: unknown; readonly batchRows: number }) {
    const { schema, options } = this
    const maker = makerOf(this.event, options)
    let event = typeof position === 'number' ? position : 0
    return {
      rowCount: undefined,
      read: async () => {
        while (event < options.events) {
          const [batch, next] = maker.batch(schema, event, batchRows)
          event = next
          if (batch.length > 0) return { batch, position: event }
        }
        return undefined
      },
      close: async () => {},
    }
  }
}

/** Makes the events of one kind. */
abstract class Maker {
  protected readonly rate: number
  protected readonly base: number
  protected readonly random: EventRandom
  private readonly kind: Kind
  private readonly events: number

  constructor(kind: Kind, { events, rate = 100_000, seed = 1, base = BASE_TIME }: NexmarkOptions) {
    this.kind = kind
    this.events = events
    this.rate = rate
    this.base = base
    this.random = new EventRandom(seed)
  }

  /** Up to `rows` events of the kind, from event `from` on, and the event behind them. */
  batch<Row>(schema: Schema<Row>, from: number, rows: number): [Batch<Row>, number] {
    this.begin(rows)
    let event = from
    let count = 0
    for (; event < this.events && count < rows; event++) {
      if (kindOf(event) !== this.kind) continue
      this.random.begin(event)
      this.add(event)
      count += 1
    }
    return [new Batch({ schema, columns: this.finish(), rowCount: count }), event]
  }

  protected abstract begin(rows: number): void
  protected abstract add(event: number): void
  protected abstract finish(): Batch['columns']

  protected readonly below = (n: number): number => this.random.below(n)

  protected price(): number {
    return Math.round(10 ** (this.random.fraction() * 6) * 100)
  }

  /** Pads a record of `size` bytes to `average` on average, give or take a fifth of what is missing. */
  protected extra(texts: Texts, size: number, average: number): void {
    const missing = average - size
    if (missing > 0) {
      const delta = Math.round(missing * 0.2)
      texts.letters(this.random, missing - delta + (delta === 0 ? 0 : this.random.below(2 * delta)))
    }
    texts.endRow()
  }
}

function makerOf(kind: Kind, options: NexmarkOptions): Maker {
  return kind === 'person' ? new Persons(options) : kind === 'auction' ? new Auctions(options) : new Bids(options)
}

const FIRST_NAMES = 'Peter Paul Luke John Saul Vicky Kate Julie Sarah Deiter Walter'.split(' ')
const LAST_NAMES = 'Shultz Abrams Spencer White Bartels Walton Smith Jones Noris'.split(' ')
const NAMES = FIRST_NAMES.flatMap(first => LAST_NAMES.map(last => `${first} ${last}`))
const CITIES = 'Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne'.split(',')
const STATES = 'AZ CA ID OR WA WY'.split(' ')

/** Codes of a dictionary of few strings. */
class Choices {
  private readonly dictionary = new Dictionary()
  private readonly known: readonly number[]
  private readonly sizes: readonly number[]
  private codes = new Int32Array(0)
  private length = 0

  constructor(texts: readonly string[]) {
    this.known = texts.map(text => this.dictionary.encode(text))
    this.sizes = texts.map(text => text.length)
  }

  begin(rows: number): void {
    this.codes = new Int32Array(rows)
    this.length = 0
  }

  /** Gives the length of the chosen string. */
  push(choice: number): number {
    this.codes[this.length++] = this.known[choice] ?? 0
    return this.sizes[choice] ?? 0
  }

  finish(): DictionaryColumn {
    return new DictionaryColumn(this.codes.subarray(0, this.length), this.dictionary)
  }
}

class Persons extends Maker {
  private readonly names = new Choices(NAMES)
  private readonly cities = new Choices(CITIES)
  private readonly states = new Choices(STATES)
  private ids = new Numbers(0)
  private times = new Numbers(0)
  private emails = new Texts(0, 0)
  private cards = new Texts(0, 0)
  private extras = new Texts(0, 0)

  constructor(options: NexmarkOptions) {
    super('person', options)
  }

  protected begin(rows: number): void {
    for (const choices of [this.names, this.cities, this.states]) choices.begin(rows)
    this.ids = new Numbers(rows)
    this.times = new Numbers(rows)
    this.emails = new Texts(rows, 16)
    this.cards = new Texts(rows, 20)
    this.extras = new Texts(rows, 180)
  }

  protected add(event: number): void {
    const { random, emails, cards } = this
    this.ids.push(FIRST_ID + lastPerson(event))
    this.times.push(this.base + timeOf(event, this.rate))
    let size = 8 + this.names.push(random.below(NAMES.length))
    emails.words(random, 7)
    emails.text('@')
    emails.words(random, 5)
    emails.text('.com')
    size += emails.endRow()
    for (let group = 0; group < 4; group++) {
      if (group > 0) cards.text(' ')
      cards.digits(random, 4)
    }
    size += cards.endRow()
    size += this.cities.push(random.below(CITIES.length))
    size += this.states.push(random.below(STATES.length))
    this.extra(this.extras, size, 200)
  }

  protected finish(): Batch['columns'] {
    const { ids, names, emails, cards, cities, states, times, extras } = this
    const texts = [names, emails, cards, cities, states].map(column => column.finish())
    return [ids.i64(), ...texts, times.timestamps(), extras.finish()]
  }
}

class Auctions extends Maker {
  private numbers = numbersOf(0)
  private names = new Texts(0, 0)
  private descriptions = new Texts(0, 0)
  private extras = new Texts(0, 0)

  constructor(options: NexmarkOptions) {
    super('auction', options)
  }

  protected begin(rows: number): void {
    this.numbers = numbersOf(rows)
    this.names = new Texts(rows, 20)
    this.descriptions = new Texts(rows, 100)
    this.extras = new Texts(rows, 500)
  }

  protected add(event: number): void {
    const { random, rate, numbers } = this
    const time = this.base + timeOf(event, rate)
    numbers.id.push(FIRST_ID + lastAuction(event))
    numbers.seller.push(random.below(4) > 0 ? hotSeller(event) : anyPerson(event, this.below))
    numbers.category.push(10 + random.below(5))
    const initialBid = this.price()
    numbers.initialBid.push(initialBid)
    numbers.reserve.push(initialBid + this.price())
    numbers.time.push(time)
    numbers.expires.push(time + 1 + random.below(longestAuction(event, rate)))
    this.names.words(random, 20)
    this.descriptions.words(random, 100)
    this.extra(this.extras, 48 + this.names.endRow() + this.descriptions.endRow(), 500)
  }

  protected finish(): Batch['columns'] {
    const { id, initialBid, reserve, time, expires, seller, category } = this.numbers
    return [
      id.i64(),
      this.names.finish(),
      this.descriptions.finish(),
      initialBid.i64(),
      reserve.i64(),
      time.timestamps(),
      expires.timestamps(),
      seller.i64(),
      category.i64(),
      this.extras.finish(),
    ]
  }
}

function numbersOf(rows: number) {
  return {
    id: new Numbers(rows),
    initialBid: new Numbers(rows),
    reserve: new Numbers(rows),
    time: new Numbers(rows),
    expires: new Numbers(rows),
    seller: new Numbers(rows),
    category: new Numbers(rows),
  }
}

const HOT_CHANNELS = ['Google', 'Facebook', 'Baidu', 'Apple']
const CHANNELS = 10_000

/** A channel's name and url: the four hot ones first. Nine of ten of the others carry their id in the url. */
function channels(): { readonly names: string[]; readonly urls: string[] } {
  const random = new EventRandom(0)
  const names = [...HOT_CHANNELS, ...Array.from({ length: CHANNELS }, (_, index) => `channel-${index}`)]
  const words = new Texts(names.length * 3, 4)
  const urls = names.map((_, code) => {
    random.begin(code)
    for (let word = 0; word < 3; word++) {
      words.letters(random, 3 + random.below(2))
      words.endRow()
    }
    const index = code - HOT_CHANNELS.length
    return index >= 0 && random.below(10) > 0 ? `&channel_id=${Math.abs(reversed(index))}` : ''
  })
  const column = words.finish()
  const path = (code: number) => [0, 1, 2].map(word => column.value(code * 3 + word)).join('/')
  return { names, urls: urls.map((id, code) => `https://www.nexmark.com/${path(code)}/item.htm?query=1${id}`) }
}

/** The 32 bits of a number in reverse order. */
function reversed(value: number): number {
  let bits = 0
  for (let bit = 0; bit < 32; bit++) bits = (bits << 1) | ((value >>> bit) & 1)
  return bits
}

class Bids extends Maker {
  private readonly channels: Choices
  private readonly urls: Choices
  private auctions = new Numbers(0)
  private bidders = new Numbers(0)
  private prices = new Numbers(0)
  private times = new Numbers(0)
  private extras = new Texts(0, 0)

  constructor(options: NexmarkOptions) {
    super('bid', options)
    const { names, urls } = channels()
    this.channels = new Choices(names)
    this.urls = new Choices(urls)
  }

  protected begin(rows: number): void {
    this.channels.begin(rows)
    this.urls.begin(rows)
    this.auctions = new Numbers(rows)
    this.bidders = new Numbers(rows)
    this.prices = new Numbers(rows)
    this.times = new Numbers(rows)
    this.extras = new Texts(rows, 82)
  }

  protected add(event: number): void {
    const { random } = this
    this.auctions.push(random.below(2) > 0 ? hotAuction(event) : anyAuction(event, this.below))
    this.bidders.push(random.below(4) > 0 ? hotBidder(event) : anyPerson(event, this.below))
    this.prices.push(this.price())
    this.times.push(this.base + timeOf(event, this.rate))
    const isHot = random.below(2) > 0
    const channel = isHot ? random.below(HOT_CHANNELS.length) : HOT_CHANNELS.length + random.below(CHANNELS)
    this.channels.push(channel)
    this.urls.push(channel)
    this.extra(this.extras, 32, 100)
  }

  protected finish(): Batch['columns'] {
    return [
      this.auctions.i64(),
      this.bidders.i64(),
      this.prices.i64(),
      this.channels.finish(),
      this.urls.finish(),
      this.times.timestamps(),
      this.extras.finish(),
    ]
  }
}
