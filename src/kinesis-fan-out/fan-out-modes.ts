/** Whose order a destination keeps. */
export enum FanOutOrdering {
  /** Records of one partition key arrive in their order. */
  PER_KEY = 'per-key',
  /** Records of one shard arrive in their order: one call at a time. */
  PER_SHARD = 'per-shard',
  /** Any order, which is fastest. */
  NONE = 'none',
}

/** How a destination's mapping reads the stream. */
export enum FanOutReader {
  /** With the other readers of the stream, which share 2 MB and five reads a second per shard. Free. */
  SHARED = 'shared',
  /** Enhanced fan-out: 2 MB a second per shard for this destination alone. Paid per GB and consumer-shard-hour. */
  DEDICATED = 'dedicated',
  /**
   * Shared as long as the readers declared so far fit the stream's read capacity and are at most three, dedicated from
   * then on.
   */
  AUTO = 'auto',
}

/** Whether producers put several records into one, as the Kinesis Producer Library (KPL) does. */
export enum FanOutAggregation {
  /** Never. Filters may run in the event source mapping, which costs nothing. */
  NONE = 'none',
  /** They do. What cannot work with aggregates fails at synth. */
  KPL = 'kpl',
  /** Either. Aggregates are recognised and taken apart; filters run in the function. */
  UNKNOWN = 'unknown',
}

/** Where a destination's filter runs. */
export enum FanOutFilterPlacement {
  /** In the event source mapping if that is safe and it knows every operator of the filter, else in the function. */
  AUTO = 'auto',
  /** In the event source mapping: what does not match costs nothing. Lambda counts it, `metricFilteredInMapping()`. */
  MAPPING = 'mapping',
  /** In the function, which counts what does not match, `metricFiltered()`. */
  FUNCTION = 'function',
}

/** Method of requests to an HTTPS destination. */
export enum FanOutHttpMethod {
  /** POST. */
  POST = 'POST',
  /** PUT. */
  PUT = 'PUT',
  /** PATCH. */
  PATCH = 'PATCH',
}

/** Why a record was quarantined. */
export enum FanOutFailureReason {
  /** The destination refuses it: its answer is provably about the record. */
  REFUSED = 'REFUSED',
  /** More bytes than the destination takes. */
  TOO_LARGE = 'TOO_LARGE',
  /** A transform, packing or the destination needs JSON (or text), and it is none. */
  UNPARSABLE = 'UNPARSABLE',
  /** A field the destination needs is not there. */
  FIELD_MISSING = 'FIELD_MISSING',
  /** An aggregate whose inside points nowhere. */
  CORRUPT_AGGREGATE = 'CORRUPT_AGGREGATE',
}
