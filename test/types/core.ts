/* Type tests: this file only has to compile. */
import {
  type Batch,
  BatchBuilder,
  type Duration,
  decimal,
  list,
  nullable,
  parseDuration,
  type RowOf,
  RowReader,
  type Schema,
  schema,
  struct,
} from '../../src/core/index.js'
import { openParquet } from '../../src/formats/parquet.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const yes = <Same extends true>(same: Same): Same => same

const orders = schema({
  id: 'i64',
  price: decimal(2),
  quantity: nullable('i32'),
  weight: 'f32',
  total: 'f64',
  paid: 'bool',
  customer: 'utf8',
  at: 'timestamp',
  tags: list('utf8'),
  marks: list(nullable('i32')),
  address: nullable(struct({ street: 'utf8', floor: nullable('i32') })),
  extra: 'object',
})

type Order = {
  readonly id: bigint
  readonly price: string
  readonly quantity: number | null
  readonly weight: number
  readonly total: number
  readonly paid: boolean
  readonly customer: string
  readonly at: number
  readonly tags: readonly string[]
  readonly marks: readonly (number | null)[]
  readonly address: { readonly street: string; readonly floor: number | null } | null
  readonly extra: unknown
}

// The row type runs from the schema through builder, batch and reader.
const builder = new BatchBuilder(orders)
const batch = builder.finish()
yes<Equal<(typeof orders)['rowType'], Order | undefined>>(true)
yes<Equal<typeof batch, Batch<Order>>>(true)
const rows: Order[] = batch.toRows()
const row: Order = new RowReader(orders).bind(batch).at(0)
const street: string | undefined = row.address?.street
// @ts-expect-error: a quantity may be null
const quantity: number = row.quantity
// @ts-expect-error: rows are read only
row.total = 5
// @ts-expect-error: there is no such field
row.prize

// Selecting keeps the types of the fields that are left.
const two = orders.select(['id', 'at'])
yes<Equal<typeof two, Schema<Pick<Order, 'id' | 'at'>>>>(true)
// @ts-expect-error: there is no such field
orders.select(['ids'])

// A batch of known rows is a batch; a batch of unknown rows is not one of known rows.
const anyBatch: Batch = batch
const anySchema: Schema = orders
// @ts-expect-error: its rows are not known
const ordersAgain: Batch<Order> = anyBatch
const other = batch.with({ schema: two, columns: [] })
yes<Equal<typeof other, Batch<Pick<Order, 'id' | 'at'>>>>(true)
const same = batch.with({ selection: new Uint32Array(0) })
yes<Equal<typeof same, Batch<Order>>>(true)

// @ts-expect-error: there is no such type
schema({ a: 'i16' })
// @ts-expect-error: nullable once is enough
nullable(nullable('i32'))
yes<Equal<RowOf<{ a: 'i32' }>, { readonly a: number }>>(true)

// Durations that the compiler can see are checked by it.
const durations: Duration[] = [5, '2h', '1.5h', '1h30m', '1h 30m', '1d2h3m', '250ms']
// @ts-expect-error: no unit
const noUnit: Duration = '5'
// @ts-expect-error: no such unit
const noSuchUnit: Duration = '5y'
parseDuration(String(noUnit))

// Declared columns give a Parquet file its row type.
export async function flights(file: { sizeBytes: number; read(offset: number, length: number): Promise<Uint8Array> }) {
  const declared = await openParquet(file, { columns: { date: 'timestamp', delay: nullable('i32'), origin: 'utf8' } })
  const [first] = (await declared.readRowGroup(0)).toRows()
  yes<
    Equal<typeof first, { readonly date: number; readonly delay: number | null; readonly origin: string } | undefined>
  >(true)
  const derived = await openParquet(file)
  yes<Equal<(typeof derived)['schema'], Schema>>(true)
}

export const used = [rows, street, quantity, anySchema, ordersAgain, durations, noSuchUnit]
