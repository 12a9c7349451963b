import { AwsError } from "../../kernel";

/** What a receipt handle stands for: one delivery (`count`) of one message of a queue. */
export interface Receipt {
  readonly queue: string;
  readonly seq: number;
  readonly count: number;
}

export function encodeReceipt({ queue, seq, count }: Receipt): string {
  return Buffer.from(`${queue}\n${seq}\n${count}`).toString("base64");
}

export function decodeReceipt(queue: string, handle: unknown): Receipt {
  const parts = typeof handle === "string" ? Buffer.from(handle, "base64").toString().split("\n") : [];
  const [name, seq, count] = parts;
  if (parts.length !== 3 || name !== queue || !/^\d+$/.test(seq ?? "") || !/^\d+$/.test(count ?? "")) {
    throw new AwsError(
      "ReceiptHandleIsInvalid",
      `The input receipt handle "${String(handle)}" is not a valid receipt handle.`,
    );
  }
  return { queue, seq: Number(seq), count: Number(count) };
}
