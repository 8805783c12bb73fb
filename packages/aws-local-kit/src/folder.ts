/** What a program needs that reads or writes a runtime's data folder. It loads none of the servers. */
export { appendBlock, appendWhole, FullDiskError, isFullDisk, replaceFile, storing } from './disk';
export {
  credentialsFile,
  folderCredentials,
  folderToken,
  type Profile,
  randomCredentials,
  readToken,
} from './folder-access';
export { LockedError, lockFolder } from './lock';
