import { ROOMS } from '../kit/rooms';
import { FLAG_SETS, resourcesOf, stackFor } from '../kit/stack';

/** Resources of the construct alone: a stack holds 500. */
const BUDGET: Record<string, Record<'minimal' | 'full' | 'supplied', number>> = {
  'image-resize-pipeline': { minimal: 19, full: 30, supplied: 13 },
  'edge-rewrite': { minimal: 1, full: 18, supplied: 6 },
  'kinesis-fan-out': { minimal: 20, full: 108, supplied: 71 },
  'ebs-snapshot-dr': { minimal: 21, full: 35, supplied: 21 },
  'ebs-dr-site': { minimal: 43, full: 58, supplied: 32 },
};

describe.each(ROOMS.map((room) => [room.name, room] as const))('%s', (name, room) => {
  describe.each(['minimal', 'full', 'supplied'] as const)('%s', (variant) => {
    test.each(FLAG_SETS)('stays within its budget, %s', (_flags, context) => {
      const stack = stackFor({ context });
      const { node } = room[variant](stack);
      const own = Object.entries(resourcesOf(stack)).filter(([id]) => id.startsWith(node.id));
      expect(own.length).toBe(BUDGET[name][variant]);

      const types = Object.values(resourcesOf(stack)).map(({ Type }) => Type);
      expect(types.filter((type) => type.startsWith('Custom::') || type === 'AWS::CloudFormation::CustomResource')).toEqual([]);

      const handlers = own.filter(([, { Type }]) => Type === 'AWS::Lambda::Function').map(([, { Properties }]) => Properties.Handler);
      expect(room.handlers).toEqual(expect.arrayContaining(handlers));
      expect(handlers).toHaveLength(types.filter((type) => type === 'AWS::Lambda::Function').length);
      if (variant === 'full') expect([...handlers].sort()).toEqual(room.handlers);
    });
  });
});
