/*
 * q3, local items: auctions of category 10 and their sellers in Oregon, Idaho and California, at most a day apart.
 * Output: append.
 */
import { left, right } from 'sabot'
import { query } from './query.js'

const STATES = new Set(['OR', 'ID', 'CA'])

export default query('q3', 'append', ({ auctions, persons }) =>
  auctions
    .filter(auction => auction.category === 10n)
    .keyBy('seller')
    .intervalJoin(persons.filter(person => STATES.has(person.state)).keyBy('id'), { from: '-1d', to: '1d' })
    .select({ name: right('name'), city: right('city'), state: right('state'), auction: left('id') }),
)
