/** By name: the maps of not every language have an order, and the same app is to have the same template in all of them. */
export function sortedEntries<T>(map: { readonly [name: string]: T } = {}): [string, T][] {
  return Object.entries(map).sort(([a], [b]) => a < b ? -1 : 1);
}

export function sortedByName<T>(map: { readonly [name: string]: T } = {}): { [name: string]: T } {
  return Object.fromEntries(sortedEntries(map));
}
