export * from './clock';
export * from './error';
export * from './events';
export * from './line';
export * from './model';
export * from './ports';
export type { StoredSnapshot } from './store';
