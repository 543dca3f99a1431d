import { deliver } from './deliver';
import { EventBridgeSender } from './send-eventbridge';

export const handler = deliver('eventbridge', (context) => new EventBridgeSender(context));
