import { deliver } from './deliver';
import { LambdaSender } from './send-lambda';

export const handler = deliver('lambda', (context) => new LambdaSender(context));
