import { snapshotRoom } from '../kit/room-snapshots';

snapshotRoom('image-resize-pipeline');
