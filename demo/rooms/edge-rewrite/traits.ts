import type { Visit } from './visitor';

/** What happened on the way to a page, in a few words each. */
export function traitsOf({ hops, status, headers }: Visit): string[] {
  return [
    ...hops.map((hop) => `${hop.status} to ${hop.location}`),
    `${status}, ${headers['x-cache'] === 'FunctionGeneratedResponse from cloudfront' ? 'by the function' : 'from the origin'}`,
  ];
}
