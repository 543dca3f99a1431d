import type { Reply } from './call';
import { errorReply } from './errors';
import type { IdentifiedCall } from './identify';

/** Answers the calls of a service in the emulator's place. */
export type FakeService = (call: IdentifiedCall, principal: string) => Reply | Promise<Reply>;

/** Thrown by a service whose endpoint answers nobody. */
export class Unreachable extends Error {}

/** A refusal in the service's own words; where there are none, its status is 400. */
export class Refusal extends Error {
  constructor(public readonly code: string, message: string, public readonly status = 400) {
    super(message);
  }
}

type JsonInput = Readonly<Record<string, never>>;
type JsonOperation = (input: JsonInput, call: IdentifiedCall, principal: string) => unknown;

export function jsonService(operations: Readonly<Record<string, JsonOperation>>): FakeService {
  return refusing(async (call, principal) => {
    const answer = operations[call.operation];
    if (!answer) throw new Refusal('UnknownOperationException', `the fake of ${call.service} does not know ${call.operation}`);
    const output = await answer((call.params.body ?? {}) as JsonInput, call, principal);
    return {
      status: 200, headers: { 'content-type': `application/x-amz-json-${call.model?.jsonVersion ?? '1.1'}` }, body: Buffer.from(JSON.stringify(output ?? {})),
    };
  });
}

/** What `answer` throws becomes the service's refusal. */
export function refusing(answer: FakeService): FakeService {
  return async (call, principal) => {
    try {
      return await answer(call, principal);
    } catch (error) {
      if (error instanceof Refusal) return errorReply(call, error);
      throw error;
    }
  };
}
