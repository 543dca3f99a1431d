import * as fc from 'fast-check';
import { paginate, type Page } from '../../src/handler-kit/paginate';

async function all(pages: readonly Page<number>[]): Promise<{ items: number[]; tokens: (string | undefined)[] }> {
  const tokens: (string | undefined)[] = [];
  const fetch = async (token?: string) => {
    tokens.push(token);
    return pages[tokens.length - 1];
  };
  const items: number[] = [];
  for await (const item of paginate(fetch, (page) => page)) {
    items.push(item);
  }
  return { items, tokens };
}

test.each<[string, Page<number>[], number[], (string | undefined)[]]>([
  ['one page', [{ items: [1, 2] }], [1, 2], [undefined]],
  ['one empty page', [{ items: [] }], [], [undefined]],
  ['an empty page in the middle', [{ items: [1], next: 'a' }, { items: [], next: 'b' }, { items: [2] }], [1, 2], [undefined, 'a', 'b']],
  ['an empty token ends it', [{ items: [1], next: '' }], [1], [undefined]],
])('%s', async (_name, pages, items, tokens) => {
  expect(await all(pages)).toEqual({ items, tokens });
});

test.each<[string, Page<number>[]]>([
  ['at once', [{ items: [1], next: 'a' }, { items: [2], next: 'a' }]],
  ['in a longer circle', [{ items: [1], next: 'a' }, { items: [2], next: 'b' }, { items: [3], next: 'a' }]],
])('a repeated token throws: %s', async (_name, pages) => {
  await expect(all(pages)).rejects.toThrow('the service repeated a page token');
});

test('fetches no page that is not asked for', async () => {
  const fetch = jest.fn(async () => ({ items: [1, 2], next: 'more' }));
  for await (const item of paginate(fetch, (page) => page)) {
    expect(item).toBe(1);
    break;
  }
  expect(fetch).toHaveBeenCalledTimes(1);
});

test('any pages: all items, in order, once', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.array(fc.integer()), { minLength: 1 }), async (lists) => {
    const pages = lists.map((items, i) => ({ items, next: i < lists.length - 1 ? `page ${i + 1}` : undefined }));
    expect((await all(pages)).items).toEqual(lists.flat());
  }));
});
