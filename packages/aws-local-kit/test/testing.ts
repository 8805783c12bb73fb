/** For the tests of this repository; not published. */
export { createSmallDisk, type FillableDisk, fillable } from './disks';
export * from './sign';
