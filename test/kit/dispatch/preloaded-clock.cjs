'use strict';
// Preloaded into functions of a simulated world (NODE_OPTIONS, KIT_CLOCK): their wall clock is the world's. Only the
// time of day is shifted; timers and durations stay real.
const { openSync, readSync } = require('node:fs');

const RealDate = Date;
const file = openSync(process.env.KIT_CLOCK, 'r');
const buffer = Buffer.alloc(32);

function now() {
  const length = readSync(file, buffer, 0, buffer.length, 0);
  return RealDate.now() + Number(buffer.toString('latin1', 0, length));
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length > 0 ? args : [now()], newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, name, receiver) => name === 'now' ? now : Reflect.get(target, name, receiver),
});
