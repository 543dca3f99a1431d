import { snapshotRoom } from '../kit/room-snapshots';

/** The emitted code has tests of its own, which run it, and so has the store's name; here they would hide the rest. */
snapshotRoom('edge-rewrite', (text) => text.replace(/("?FunctionCode"?: ?)"(?:[^"\\]|\\.)*"/, '$1<code>').replace(/-[0-9a-f]{16}"/, '-<hash>"'));
