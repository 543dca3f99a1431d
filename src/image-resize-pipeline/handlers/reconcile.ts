import type { Manifest, PipelineMessage, Recipe, Rejection, Variant } from '../contract';
import { admit, admitBytes, Refusal } from './admission';
import type { Keys } from './keys';
import * as manifests from './manifest';
import { cascade, planTargets } from './plan';
import type { Destination, EncodedVariant, Imaging, Notifier, Source, SourceObject, SourceState, StoredManifest, TimeBudget } from './ports';

export interface Ports {
  readonly source: Source;
  readonly destination: Destination;
  readonly imaging: Imaging;
  readonly notifier: Notifier;
  /** Epoch ms. */
  readonly now: () => number;
}

export interface Settings {
  readonly keys: Keys;
  readonly recipe: Recipe;
  readonly recipeHash: string;
  readonly sourceBucket: string;
  readonly destinationBucket: string;
  readonly propagateDeletes: boolean;
  readonly memoryMb: number;
  /** Without it, what should be removed stays named in the manifest for the next worker. */
  readonly mayDelete: boolean;
}

/** One invocation's try at one original. */
export interface Attempt {
  /** Unique per try: it tells our own claim from others. */
  readonly owner: string;
  /** Same for every delivery of a message. */
  readonly messageId?: string;
  readonly deadline: TimeBudget;
  /** End of the process that makes this try, in epoch ms: nothing it began can take effect later. */
  readonly leaseEnds: number;
  /** What the event said; hints for a key that is refused unseen. */
  readonly hint?: { readonly kind: 'created' | 'removed'; readonly etag?: string };
}

export type Outcome =
  | { readonly kind: 'ignored' }
  /** Final before we came; no manifest: there is nothing and there should be nothing. */
  | { readonly kind: 'unchanged'; readonly manifest?: Manifest }
  | { readonly kind: 'processed'; readonly manifest: Manifest }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  | { readonly kind: 'deleted' };

/** Nothing is wrong with the original; a later try will do. */
export class TryLater extends Error {
  public override readonly name = 'TryLater';
}

/** Kept back from the encoder for uploading, for removing and for the manifest. */
const SETTLE_MS = 3000;
/** S3 copies no more in one request. */
const MAX_COPY_BYTES = 5 * 1024 ** 3;
const UNREADABLE = new Set<string>(['ARCHIVED', 'CUSTOMER_KEY_ENCRYPTED']);

/**
 * Makes what the destination holds of one original agree with the original. Events are hints, the source is the truth:
 * whoever comes, in whatever order and how often, ends at the same state.
 *
 * One manifest per original is the lock and the list. Every write of it is a compare and swap on the manifest that was
 * read before the source was looked at, so a decision is never older than the state it replaces. Everything that may
 * exist is named before it is written and until it is removed, so no crash leaves an orphan. Only the holder of the
 * claim writes or deletes variants, removals included.
 */
export class Reconciler {
  constructor(private readonly ports: Ports, private readonly settings: Settings) {}

  /**
   * @returns what was done, in order; several when the source changed meanwhile
   * @throws {@link TryLater} and every transient error of the ports: deliver the message again
   */
  public async reconcile(key: string, attempt: Attempt): Promise<readonly [Outcome, ...Outcome[]]> {
    const verdict = this.settings.keys.judge(key);
    if (verdict.kind === 'foreign') {
      return [{ kind: 'ignored' }];
    }
    if (verdict.kind === 'rejected') {
      return [await this.refuseKey(key, verdict.detail, attempt)];
    }
    const work = new Work(this.ports, this.settings, key, verdict.relative, attempt);
    const fullTime = attempt.deadline.remainingMs();
    const outcomes: Outcome[] = [];
    for (;;) {
      const { outcome, seen } = await work.round();
      if (outcome !== undefined) {
        outcomes.push(outcome);
      }
      // A build that took longer than the deletion of its original is found out here.
      if (outcome?.kind === 'unchanged' || (outcome !== undefined && sameState(seen, await this.ports.source.look(key)))) {
        return outcomes as [Outcome, ...Outcome[]];
      }
      if (attempt.deadline.remainingMs() < fullTime / 2) {
        throw new TryLater('the source changed and too little time is left');
      }
    }
  }

  /** Nothing was or will be written for such a key. */
  private async refuseKey(key: string, detail: string, { hint }: Attempt): Promise<Outcome> {
    if (hint?.kind === 'removed') {
      return { kind: 'ignored' };
    }
    const { sourceBucket, destinationBucket, recipeHash, keys } = this.settings;
    const rejection: Rejection = { reason: 'KEY_REJECTED', detail };
    const manifest = { bucket: destinationBucket, key: keys.manifest(keys.relative(key)) };
    const source = { bucket: sourceBucket, key, etag: hint?.etag ?? '' };
    await this.ports.notifier.publish({ version: 1, type: 'ImageRejected', source, recipe: recipeHash, manifest, variants: [], ...rejection }, false);
    return { kind: 'rejected', rejection };
  }
}

/** What one round saw and did; no outcome: the source changed under our hands. */
interface Round {
  readonly seen: SourceState;
  readonly outcome?: Outcome;
}

/** One original's work within one try. */
class Work {
  private readonly manifestKey: string;
  private readonly claimant: manifests.Claimant;

  constructor(
    private readonly ports: Ports,
    private readonly settings: Settings,
    private readonly key: string,
    private readonly relative: string,
    private readonly attempt: Attempt,
  ) {
    this.manifestKey = settings.keys.manifest(relative);
    this.claimant = { owner: attempt.owner, expires: attempt.leaseEnds, messageId: attempt.messageId };
  }

  public async round(): Promise<Round> {
    // In this order: a source seen after the manifest is never staler than what the claim replaces.
    const read = await this.ports.destination.readManifest(this.manifestKey);
    const stored = typeof read === 'string' ? undefined : read;
    const seen = await this.ports.source.look(this.key);
    if (seen.kind === 'absent') {
      return { seen, outcome: await this.remove(stored, read === 'hidden') };
    }
    if (seen.marked) {
      return { seen, outcome: await this.guard(stored, seen) };
    }
    const { value } = stored ?? {};
    if (stored === undefined || value === undefined || !manifests.isCurrent(value, seen, this.settings.recipeHash, this.settings.memoryMb)) {
      return { seen, outcome: await this.build(stored, seen) };
    }
    return { seen, outcome: await this.confirm(stored, value) };
  }

  /** Final already. Only the message that made it publishes again: its first publication may have failed. */
  private async confirm(stored: StoredManifest, value: manifests.Told): Promise<Outcome> {
    const { planned = [], ...final } = value;
    if (planned.length > 0 && this.settings.mayDelete) {
      await this.conclude(new Claim(this.ports.destination, this.manifestKey, stored.etag), final, planned);
    }
    if (value.messageId !== undefined && value.messageId === this.attempt.messageId) {
      await this.publish(value, true);
    }
    return { kind: 'unchanged', manifest: value };
  }

  private async build(stored: StoredManifest | undefined, source: SourceObject): Promise<Outcome | undefined> {
    if (this.attempt.deadline.remainingMs() < 2 * SETTLE_MS) {
      // The original is not to blame for what came before it in this invocation.
      throw new TryLater('too little time is left for a build');
    }
    const { keys, recipeHash } = this.settings;
    const former = this.formerKeys(stored);
    const quarantine = keys.quarantine(this.relative);
    const planned = [...keys.planned(this.relative), ...(quarantine === undefined ? [] : [quarantine])];
    const claim = await this.claim(stored, manifests.building(
      stored?.value, this.key, source, recipeHash, [...new Set([...former, ...planned])], this.claimant));

    const written = new Set<string>();
    const final = await this.make(source, written);
    if (final === undefined) {
      return undefined;
    }
    const kept = new Set(manifests.namedKeys(final));
    await this.conclude(claim, final, [...new Set([...former, ...written])].filter((name) => !kept.has(name)));
    await this.publish(final, stored !== undefined);
    return final.rejection === undefined ? { kind: 'processed', manifest: final } : { kind: 'rejected', rejection: final.rejection };
  }

  /** The original's final manifest with its variants stored; undefined when the original changed. */
  private async make(source: SourceObject, written: Set<string>): Promise<manifests.Told | undefined> {
    const { recipe, recipeHash, memoryMb } = this.settings;
    const { messageId } = this.attempt;
    try {
      const made = await this.variants(source, written);
      return made && manifests.ready(this.key, source, recipe, recipeHash, made, messageId);
    } catch (error) {
      if (!(error instanceof Refusal)) {
        throw error;
      }
      const quarantine = this.quarantineKey(source, error);
      if (quarantine !== undefined && !await this.quarantine(source, quarantine, written)) {
        return undefined;
      }
      return manifests.rejected(this.key, source, recipeHash, { ...error.rejection, memoryMb, quarantine }, messageId);
    }
  }

  private async variants(source: SourceObject, written: Set<string>): Promise<manifests.Made | undefined> {
    const { recipe, memoryMb } = this.settings;
    const { imaging } = this.ports;
    if (source.refusal !== undefined) {
      throw source.refusal;
    }
    admitBytes(source.bytes, recipe.maxBytes);
    const input = await this.ports.source.read(this.key, source.etag);
    if (input === undefined) {
      return undefined;
    }
    const image = await imaging.probe(input);
    const { width, height, format, frames } = image.facts;
    const steps = cascade(planTargets(image.facts, recipe.presets));
    admit(image.facts, { frame: steps[0].frame, formats: recipe.formats }, recipe, memoryMb);

    const { deadline } = this.attempt;
    const uploads = new Uploads<Variant>();
    try {
      const renderTime = { remainingMs: () => deadline.remainingMs() - SETTLE_MS };
      const placeholder = await imaging.render(input, image, steps, renderTime, (encoded) => {
        uploads.add(this.store(encoded, source, written));
      });
      return { width, height, format, frames, placeholder, variants: await uploads.results() };
    } finally {
      // Nothing of ours may be under way when we go on to remove or give up.
      await uploads.settled();
    }
  }

  private async store(encoded: EncodedVariant, source: SourceObject, written: Set<string>): Promise<Variant> {
    const { preset, format, extension, contentType, width, height, data } = encoded;
    const key = this.settings.keys.variant(this.relative, preset, extension);
    this.assertTime();
    written.add(key);
    const { cacheControl } = this.settings.recipe;
    const etag = await this.ports.destination.putVariant({ key, body: data, contentType, cacheControl, sourceEtag: source.etag });
    return { preset, format, key, width, height, bytes: data.length, etag, contentType };
  }

  private quarantineKey(source: SourceObject, { reason }: Refusal): string | undefined {
    return UNREADABLE.has(reason) || source.bytes > MAX_COPY_BYTES ? undefined : this.settings.keys.quarantine(this.relative);
  }

  private async quarantine(source: SourceObject, key: string, written: Set<string>): Promise<boolean> {
    this.assertTime();
    written.add(key);
    return this.ports.destination.quarantine({ sourceKey: this.key, etag: source.etag, key });
  }

  /** A source that is our own output: it has no variants, and writing even a manifest for it could go round for ever. */
  private async guard(stored: StoredManifest | undefined, source: SourceObject): Promise<Outcome> {
    if (stored !== undefined && this.settings.mayDelete) {
      await this.erase(stored);
    }
    const rejection: Rejection = { reason: 'LOOP_GUARD', detail: 'the object was written by an image pipeline' };
    const { recipeHash } = this.settings;
    await this.publish(manifests.rejected(this.key, source, recipeHash, rejection), stored !== undefined);
    return { kind: 'rejected', rejection };
  }

  private async remove(stored: StoredManifest | undefined, hidden: boolean): Promise<Outcome> {
    const { propagateDeletes, mayDelete } = this.settings;
    if (!propagateDeletes || !mayDelete) {
      return { kind: 'unchanged' };
    }
    if (stored === undefined) {
      // A manifest that is there but denied to us must not pass for none: its variants would outlive the original.
      if (hidden && await this.ports.destination.lists(this.manifestKey)) {
        throw new TryLater('the manifest is there but could not be read');
      }
      return { kind: 'unchanged' };
    }
    await this.erase(stored, (marker) => this.publish(marker, true));
    return { kind: 'deleted' };
  }

  /** The manifest goes last, and after the news: a crash before it is made up for by the next try. */
  private async erase(stored: StoredManifest, announce: (marker: manifests.Told) => Promise<void> = async () => {}): Promise<void> {
    const former = this.formerKeys(stored);
    const marker = manifests.deleting(stored.value, this.key, this.settings.recipeHash, former, this.claimant);
    const claim = await this.claim(stored, marker);
    await this.deleteObjects(former);
    await announce(marker);
    await claim.delete();
  }

  private async claim(stored: StoredManifest | undefined, marker: Manifest): Promise<Claim> {
    if (stored?.value !== undefined && manifests.isClaimed(stored.value, this.attempt.owner, this.ports.now())) {
      throw new TryLater('another worker holds the manifest');
    }
    const claim = new Claim(this.ports.destination, this.manifestKey, stored?.etag);
    await claim.write(marker);
    return claim;
  }

  /** The final manifest, after removing what it does not name; removing happens under the claim like every write. */
  private async conclude(claim: Claim, final: Manifest, obsolete: readonly string[]): Promise<void> {
    if (obsolete.length === 0) {
      await claim.write(final);
    } else if (this.settings.mayDelete) {
      await claim.write(manifests.clearing(final, obsolete, this.claimant));
      await this.deleteObjects(obsolete);
      await claim.write(final);
    } else {
      await claim.write({ ...final, planned: obsolete });
    }
  }

  private async deleteObjects(keys: readonly string[]): Promise<void> {
    this.assertTime();
    if (keys.length > 0) {
      await this.ports.destination.deleteObjects(keys);
    }
  }

  private assertTime(): void {
    if (this.attempt.deadline.remainingMs() <= 0) {
      throw new TryLater('no time is left to write under this claim');
    }
  }

  /** What an unreadable manifest may have named is everything a build can make. */
  private formerKeys(stored: StoredManifest | undefined): string[] {
    if (stored === undefined) {
      return [];
    }
    return stored.value === undefined ? this.settings.keys.planned(this.relative) : manifests.namedKeys(stored.value);
  }

  private async publish(manifest: manifests.Told, overwritten: boolean): Promise<void> {
    const { sourceBucket, destinationBucket } = this.settings;
    const message: PipelineMessage = manifests.messageOf(manifest, sourceBucket, { bucket: destinationBucket, key: this.manifestKey });
    await this.ports.notifier.publish(message, overwritten);
  }
}

/** The right to change one original's manifest, as long as nobody else changed it. */
class Claim {
  constructor(private readonly destination: Destination, private readonly key: string, private etag: string | undefined) {}

  public async write(manifest: Manifest): Promise<void> {
    const etag = await this.destination.writeManifest(this.key, manifest, this.etag);
    if (etag === undefined) {
      throw new TryLater('another worker changed the manifest');
    }
    this.etag = etag;
  }

  public async delete(): Promise<void> {
    if (!await this.destination.deleteManifest(this.key, this.etag!)) {
      throw new TryLater('another worker changed the manifest');
    }
  }
}

/** Runs beside the encoder; a failure is kept until somebody asks. */
class Uploads<T> {
  private readonly running: Promise<T>[] = [];

  public add(upload: Promise<T>): void {
    upload.catch(() => {});
    this.running.push(upload);
  }

  public results(): Promise<T[]> {
    return Promise.all(this.running);
  }

  public async settled(): Promise<void> {
    await Promise.allSettled(this.running);
  }
}

/** Equal bytes are not enough: an object may be put again with the mark of our output, or go to an archive. */
function sameState(before: SourceState, after: SourceState): boolean {
  if (before.kind === 'absent' || after.kind === 'absent') {
    return before.kind === after.kind;
  }
  return before.etag === after.etag && before.marked === after.marked && before.refusal?.reason === after.refusal?.reason;
}
