'use strict';
// Preloaded into functions (`nodeFlags`): who is about to send the text KIT_STANDSTILL to anybody stands still for ever, timers
// and all. Nothing but the platform's own time-out ends that.
const { Socket } = require('node:net');
const { Writable } = require('node:stream');

const text = process.env.KIT_STANDSTILL;

Socket.prototype.write = function (chunk, ...rest) {
  if (text && Buffer.from(chunk).includes(text)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  return Writable.prototype.write.call(this, chunk, ...rest);
};
