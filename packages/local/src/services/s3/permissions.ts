import type { RequiredPermission } from "../../kernel";

export function onBucket(
  action: string,
  bucket: string,
  context?: Readonly<Record<string, string>>,
): RequiredPermission[] {
  return [{ action: `s3:${action}`, resource: `arn:aws:s3:::${bucket}`, ...(context && { context }) }];
}

export function onObject(
  action: string,
  bucket: string,
  key: string,
  context?: Readonly<Record<string, string>>,
): RequiredPermission[] {
  return [{ action: `s3:${action}`, resource: `arn:aws:s3:::${bucket}/${key}`, ...(context && { context }) }];
}
