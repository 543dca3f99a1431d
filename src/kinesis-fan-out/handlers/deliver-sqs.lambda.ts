import { deliver } from './deliver';
import { SqsSender } from './send-sqs';

export const handler = deliver('sqs', (context) => new SqsSender(context));
