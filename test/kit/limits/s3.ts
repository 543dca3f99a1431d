import { GIB, type Limit } from './limit';

const API = 'https://docs.aws.amazon.com/AmazonS3/latest/API';
const GUIDE = 'https://docs.aws.amazon.com/AmazonS3/latest/userguide';

export const S3_LIMITS = {
  keyBytes: { value: 1024, unit: 'bytes of UTF-8', source: `${GUIDE}/object-keys.html` },
  putObjectBytes: { value: 5 * GIB, unit: 'bytes', source: `${GUIDE}/upload-objects.html` },
  copyObjectBytes: { value: 5 * GIB, unit: 'bytes of the source', source: `${API}/API_CopyObject.html` },
  partNumber: { value: 10_000, unit: 'highest part number', source: `${GUIDE}/qfacts.html` },
  partBytes: { value: 5 * GIB, unit: 'bytes', source: `${GUIDE}/qfacts.html` },
  deleteObjectsKeys: { value: 1000, unit: 'keys a request', source: `${API}/API_DeleteObjects.html` },
  listKeys: { value: 1000, unit: 'keys a page', source: `${API}/API_ListObjectsV2.html` },
  userMetadataBytes: { value: 2048, unit: 'bytes of names and values', source: `${GUIDE}/UsingMetadata.html` },
  objectTags: { value: 10, unit: 'tags', source: `${GUIDE}/object-tagging.html` },
} as const satisfies Record<string, Limit>;
