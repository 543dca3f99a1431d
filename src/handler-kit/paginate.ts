/** One page's items and the token of the page after it; none, or an empty one, on the last page. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

/**
 * All items of all pages, fetched one page at a time and only when asked for. Empty pages in the middle are normal.
 *
 * @param fetch gets a page by its token; without one the first
 * @param pick takes a reply apart
 * @throws when the service repeats a token, which would never end
 */
export async function* paginate<P, T>(
  fetch: (token?: string) => Promise<P>,
  pick: (page: P) => Page<T>,
): AsyncGenerator<T, void, undefined> {
  const seen = new Set<string>();
  let token: string | undefined;
  do {
    const { items, next } = pick(await fetch(token));
    yield* items;
    token = next;
    if (token && seen.has(token)) {
      throw new Error('the service repeated a page token');
    }
    if (token) {
      seen.add(token);
    }
  } while (token);
}
