export * from './image-resize-pipeline';
export * from './image-source';
export * from './image-destination';
export * from './image-preset';
export * from './image-format';
export * from './image-outcome';
export * from './image-backfill';
export * from './image-lazy-origin';
