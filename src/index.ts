// The map: one room per use case, then the vocabulary they share.
export * from './image-resize-pipeline'; // an upload to S3 → phone, tablet and desktop variants with a manifest
export * from './shared';
