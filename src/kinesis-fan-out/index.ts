export * from './kinesis-fan-out';
export * from './fan-out-destination';
export * from './fan-out-delivery';
export * from './fan-out-filter';
export * from './fan-out-transform';
export * from './fan-out-packing';
export * from './fan-out-modes';
