import { SabotError } from '../core/errors.js'
import { REJECTED_SCHEMA, type RejectedRow } from '../operators/rejected-rows.js'
import { DEAD_LETTER_OUTPUT } from '../operators/time/dead-letters.js'
import type { DraftNode, GraphBuilder } from './graph-builder.js'
import { Stream, type StreamTraits } from './stream.js'

/** The records of a source. */
export class SourceStream<Row> extends Stream<Row> {
  private readonly hasDeadLetters: boolean

  constructor(graph: GraphBuilder, node: DraftNode, traits: StreamTraits, hasDeadLetters: boolean) {
    super(graph, node, traits)
    this.hasDeadLetters = hasDeadLetters
  }

  /**
   * The records that became no row, with what is wrong with them: of a source with the option `invalid: 'deadLetter'`.
   * @throws SabotError INVALID_OPTION for another source
   */
  get deadLetters(): Stream<RejectedRow> {
    if (!this.hasDeadLetters) {
      throw new SabotError(
        'INVALID_OPTION',
        `The source ${this.node.description} has no dead letters: give it the option invalid: 'deadLetter'`,
        { option: 'invalid' },
      )
    }
    const traits = { isTimed: false, fields: REJECTED_SCHEMA.names, schema: REJECTED_SCHEMA }
    return new Stream<RejectedRow>(this.graph, this.node, traits, DEAD_LETTER_OUTPUT)
  }
}
