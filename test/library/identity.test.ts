import { ROOMS } from '../kit/rooms';
import { FLAG_SETS, resourcesOf, stackFor } from '../kit/stack';

/** Replacing one of these loses or orphans what it holds (a mapping: its checkpoint), so a changed logical id is a breaking change. */
const STATEFUL = [
  'AWS::S3::Bucket', 'AWS::SQS::Queue', 'AWS::DynamoDB::GlobalTable', 'AWS::KMS::Key', 'AWS::Logs::LogGroup', 'AWS::Lambda::Url',
  'AWS::Kinesis::Stream', 'AWS::Lambda::EventSourceMapping',
];

const LOGICAL_IDS: Record<string, string[]> = {
  'image-resize-pipeline': [
    'ImagesAccessLogs6F198F2F',
    'ImagesBackfillLogs96F3BF65',
    'ImagesDeadLettersAC342352',
    'ImagesDestinationDE7ECA0C',
    'ImagesQueueC319D8D8',
    'ImagesReconcileLogsF9462C4C',
    'ImagesServeFunctionFunctionUrl87B25E34',
    'ImagesServeLogs7B344BFB',
    'ImagesSource3216CA9E',
    'ImagesTriggerAC7442E2',
  ],
  // Its store has a name per content: it is made to be replaced.
  'edge-rewrite': [],
  'kinesis-fan-out': [
    'OrdersAccessLogs31F222FB',
    'OrdersDestinationsArchiveDeliverLogs65D5371E',
    'OrdersDestinationsArchiveTrigger633E4A7F',
    'OrdersDestinationsAuditDeliverLogs56AD3FA7',
    'OrdersDestinationsAuditTriggerA59E5E1D',
    'OrdersDestinationsBusDeliverLogs12B7A2F6',
    'OrdersDestinationsBusTriggerD9F816A1',
    'OrdersDestinationsLakeDeliverLogs579CB37E',
    'OrdersDestinationsLakeTrigger19E2AB4C',
    'OrdersDestinationsMirrorDeliverLogsDB72037D',
    'OrdersDestinationsMirrorTriggerC459B958',
    'OrdersDestinationsNewsDeliverLogs9D1213CE',
    'OrdersDestinationsNewsTrigger5B65EDA6',
    'OrdersDestinationsPartnerDeliverLogsE642B75E',
    'OrdersDestinationsPartnerTrigger12579B7D',
    'OrdersDestinationsStateDeliverLogsAF977CEE',
    'OrdersDestinationsStateTriggerC0D648F2',
    'OrdersDestinationsWorkerDeliverLogs731CD4A8',
    'OrdersDestinationsWorkerTrigger747CBDBC',
    'OrdersFailuresC10DA753',
    'OrdersReplayLogsE732197A',
    'OrdersStream160EEBFB',
  ],
  'ebs-snapshot-dr': [
    'DrDeadLettersF714F1E2',
    'DrPruneLogsACECEBD8',
    'DrShareLogsF38D8E0C',
    'DrSnapshotLogsF52F2F06',
    'DrTableE72F3471',
  ],
  'ebs-dr-site': [
    'SiteAccessLogs536C0B75',
    'SiteBucket978D4AEB',
    'SiteCopyLogs18099C87',
    'SiteDeadLettersD3342F25',
    'SiteDrillLogs9BF08AC0',
    'SitePruneLogsC1AB43A1',
    'SiteRestoreLogsF6D7103F',
    'SiteSigningKeyC48E1C6C',
    'SiteSyncLogs0D980521',
    'SiteTable65818555',
    'SiteWatchLogs131AEDD8',
  ],
};

test.each(ROOMS.flatMap((room) => FLAG_SETS.map(([flags, context]) => [room.name, flags, room, context] as const)))(
  '%s keeps the logical ids of stateful resources, %s', (name, _flags, room, context) => {
    const stack = stackFor({ context });
    const { node } = room.full(stack);
    const ids = Object.entries(resourcesOf(stack)).filter(([id, { Type }]) => id.startsWith(node.id) && STATEFUL.includes(Type)).map(([id]) => id);
    expect(ids.sort()).toEqual(LOGICAL_IDS[name]);
  },
);
