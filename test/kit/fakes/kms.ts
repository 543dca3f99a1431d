import { constants, createHash, generateKeyPairSync, privateEncrypt, randomBytes, sign, verify, type KeyObject } from 'node:crypto';
import { jsonService, Refusal, type FakeService } from '../proxy/fake-service';

/** A key as far as someone asks for its state. */
export interface DescribedKey {
  readonly arn: string;
  readonly enabled: boolean;
}

export interface SigningKey {
  readonly arn: string;
  readonly publicKey: KeyObject;
}

/** Message of a Sign request at most (Sign API). */
const MAX_MESSAGE = 4096;
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

/** KMS: what state a key is in, and RSA signatures anybody can check. */
export class FakeKms {
  private readonly signing = new Map<string, { readonly publicKey: KeyObject; readonly privateKey: KeyObject; state: string }>();

  public readonly service: FakeService = jsonService({
    DescribeKey: ({ KeyId }) => {
      const own = this.signing.get(KeyId);
      const other = own ? undefined : this.others(KeyId);
      if (!own && !other) throw new Refusal('NotFoundException', `Key '${String(KeyId)}' does not exist`);
      const state = own?.state ?? (other!.enabled ? 'Enabled' : 'Disabled');
      return {
        KeyMetadata: {
          KeyId: String(KeyId).split('/').at(-1),
          Arn: KeyId,
          Enabled: state === 'Enabled',
          KeyState: state,
          KeyUsage: own ? 'SIGN_VERIFY' : 'ENCRYPT_DECRYPT',
          KeySpec: own ? 'RSA_2048' : 'SYMMETRIC_DEFAULT',
        },
      };
    },
    Sign: ({ KeyId, Message, MessageType = 'RAW', SigningAlgorithm }) => {
      const key = this.signing.get(KeyId);
      if (!key) throw new Refusal('NotFoundException', `Key '${String(KeyId)}' does not exist`);
      if (key.state === 'Disabled') throw new Refusal('DisabledException', `${String(KeyId)} is disabled.`);
      if (key.state !== 'Enabled') throw new Refusal('KMSInvalidStateException', `${String(KeyId)} is ${key.state}.`);
      if (SigningAlgorithm !== 'RSASSA_PSS_SHA_256') throw new Refusal('ValidationException', `the fake knows RSASSA_PSS_SHA_256 only, got ${String(SigningAlgorithm)}`);
      const message = Buffer.from(Message, 'base64');
      if (message.length === 0 || message.length > MAX_MESSAGE) throw new Refusal('ValidationException', `Message must have 1 to ${MAX_MESSAGE} bytes, got ${message.length}`);
      if (MessageType === 'DIGEST' && message.length !== 32) throw new Refusal('ValidationException', 'Digest is invalid length for algorithm RSASSA_PSS_SHA_256.');
      const signature = MessageType === 'DIGEST' ? signDigest(message, key.privateKey) : sign('sha256', message, { key: key.privateKey, ...PSS });
      return { KeyId, SigningAlgorithm, Signature: signature.toString('base64') };
    },
  });

  /** @param others keys that do not sign */
  constructor(private readonly others: (arn: string) => DescribedKey | undefined = () => undefined) {}

  public addSigningKey(arn: string): SigningKey {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.signing.set(arn, { privateKey, publicKey, state: 'Enabled' });
    return { arn, publicKey };
  }

  /** @param state as DescribeKey names it: Disabled, PendingDeletion… */
  public setState(arn: string, state: string): void {
    this.signing.get(arn)!.state = state;
  }

  /** Whether a signature by the key, base64, fits these bytes. */
  public verifies(arn: string, bytes: string, signature: string): boolean {
    return verify('sha256', Buffer.from(bytes), { key: this.signing.get(arn)!.publicKey, ...PSS }, Buffer.from(signature, 'base64'));
  }
}

/** Signs what was hashed before, which `sign` cannot: EMSA-PSS (RFC 8017, 9.1.1) with SHA-256, by hand. */
function signDigest(digest: Buffer, key: KeyObject): Buffer {
  const salt = randomBytes(digest.length);
  const hash = sha256(Buffer.alloc(8), digest, salt);
  const block = Buffer.concat([Buffer.alloc(256 - 2 * digest.length - 2), Buffer.from([1]), salt]);
  const mask = Buffer.concat(Array.from({ length: Math.ceil(block.length / 32) }, (_, i) => sha256(hash, Buffer.from([0, 0, 0, i]))));
  /* eslint-disable no-bitwise */
  const masked = block.map((byte, i) => byte ^ mask[i]);
  masked[0] &= 0x7F;
  /* eslint-enable no-bitwise */
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, Buffer.concat([masked, hash, Buffer.from([0xBC])]));
}

function sha256(...parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}
