import { snapshotRoom } from '../kit/room-snapshots';

/** The shell script that freezes has tests of its own, which run it. */
const withoutScript = (text: string) => text.replace(/\n( *)runCommand: \[[\s\S]*?\n\1\]/, '\n$1runCommand: <script>');

describe.each(['ebs-snapshot-dr', 'ebs-dr-site'])('%s', (name) => snapshotRoom(name, withoutScript));
