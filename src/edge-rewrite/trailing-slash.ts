/** What happens to a slash at the end of a path. Files, with a dot in their name, are left alone. */
export enum TrailingSlash {
  /** `/about` redirects to `/about/`. */
  ADD = 'add',
  /** `/about/` redirects to `/about`. */
  REMOVE = 'remove',
  /** Both are served. */
  KEEP = 'keep',
}
