import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { HandlerOptions } from '../shared';

/** What plans and sites may both be told: where they are, and what they are given. */
export interface EbsSideOptions extends HandlerOptions {
  /**
   * Region of the construct, for a stack that does not state it.
   * @default - the stack's
   */
  readonly region?: string;
  /**
   * Account of the construct, for a stack that does not state it. Sets of a plan are shared with sites of other accounts.
   * @default - the stack's
   */
  readonly account?: string;
  /**
   * Table of this Region, with keys `pk` and `sk` (strings) and time to live by `expires`.
   * @default - a new table, on demand, retained
   */
  readonly table?: dynamodb.ITable;
  /**
   * Queue for runs that were given up.
   * @default - a new queue, 14 days
   */
  readonly deadLetterQueue?: sqs.IQueue;
  /**
   * Told when an alarm changes to ALARM. A topic of this Region.
   * @default - alarms without action
   */
  readonly alarmTopic?: sns.ITopic;
}
