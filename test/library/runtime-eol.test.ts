import { ROOMS } from '../kit/rooms';
import { resourcesOf, stackFor } from '../kit/stack';

/** Lambda's announced deprecation dates. */
const DEPRECATED: Record<string, string> = { 'nodejs22.x': '2027-04-30', 'nodejs24.x': '2028-04-30' };
const SIX_MONTHS = 183 * 24 * 3600 * 1000;

test.each(ROOMS.map((room) => [room.name, room] as const))('%s: the default runtime lives at least six months more', (_name, room) => {
  const stack = stackFor();
  room.full(stack);
  const runtimes = Object.values(resourcesOf(stack)).filter(({ Type }) => Type === 'AWS::Lambda::Function').map(({ Properties }) => Properties.Runtime as string);
  expect(runtimes.length).toBeGreaterThan(0);
  for (const runtime of runtimes) {
    expect(Object.keys(DEPRECATED)).toContain(runtime);
    expect(Date.parse(DEPRECATED[runtime]) - Date.now()).toBeGreaterThan(SIX_MONTHS);
  }
});
