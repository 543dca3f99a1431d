import { deliver } from './deliver';
import { DynamoDbSender } from './send-dynamodb';

export const handler = deliver('dynamodb', (context) => new DynamoDbSender(context));
