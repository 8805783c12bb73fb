import type { ListedObject } from '../../cloud/ports';
import type { Stage } from '../../progress';
import { assertTimeLeft, type Context } from '../context';

/** Lists everything below the prefixes, and counts the calls. */
export class Listing {
  /** Number of LIST requests so far. */
  lists = 0;
  objects = 0;

  constructor(
    private readonly context: Context,
    private readonly bucket: string,
    private readonly prefixes: readonly string[],
    private readonly stage: Stage,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<ListedObject> {
    for (const prefix of this.prefixes)
      for await (const page of this.context.cloud.buckets.pages(this.bucket, prefix)) {
        assertTimeLeft(this.context, `listing ${this.bucket}`);
        this.lists++;
        this.objects += page.length;
        this.stage.count(this.objects, `objects of ${this.bucket}`);
        yield* page;
      }
  }
}

/** S3 demands a restore before it returns these objects, so COPY cannot read them. */
export const isFrozen = ({ storageClass }: ListedObject) =>
  storageClass === 'GLACIER' || storageClass === 'DEEP_ARCHIVE';
export const isCold = ({ storageClass }: ListedObject) => storageClass === 'GLACIER_IR';

/** A "folder" of the S3 console is an empty object whose key ends in a slash. It holds no rows. */
export const isFolder = ({ key, size }: ListedObject) => key.endsWith('/') && size === 0;
