import { createDecipheriv, pbkdf2Sync } from "node:crypto";
import { readFileSync } from "node:fs";
import { LocalRuntimeError } from "../kernel/errors";

// Pulumi's passphrase provider: PBKDF2 with SHA-256, AES-256 in GCM, `v1:<nonce>:<ciphertext and tag>` in base64
// (pulumi/pulumi, pkg/secrets/passphrase and sdk/go/common/resource/config/crypt.go).
const iterations = 1_000_000;
const keyBytes = 32;
const tagBytes = 16;

/** Decrypts the `secure:` values of one stack file. The key is derived once, on the first secret. */
export class SecretReader {
  private key: Buffer | undefined;

  /** @param settings the stack file, for its `encryptionsalt` and `secretsprovider` */
  constructor(
    private readonly file: string,
    private readonly settings: { readonly encryptionsalt?: string; readonly secretsprovider?: string },
    private readonly env: Readonly<Record<string, string | undefined>>,
  ) {}

  /** The plain text of a secret; an error names the configuration key that it belongs to. */
  decrypt(configKey: string, secure: string): string {
    this.key ??= this.deriveKey(configKey);
    return this.open(this.key, secure, configKey);
  }

  private deriveKey(configKey: string): Buffer {
    const { encryptionsalt, secretsprovider } = this.settings;
    if (!encryptionsalt) {
      throw new LocalRuntimeError(
        `the secret "${configKey}" of ${this.file} is encrypted by ${secretsprovider ?? "the Pulumi service"}, which is not asked here`,
        `Give a local value: a stack file of its own with a plain "${configKey}", or the passphrase provider.`,
      );
    }
    const passphrase = this.passphrase(configKey);
    const [version, salt = "", ...check] = encryptionsalt.split(":");
    if (version !== "v1" || check.length === 0) {
      throw new LocalRuntimeError(
        `the encryptionsalt of ${this.file} is malformed`,
        "Take it from the original stack file.",
      );
    }
    const key = pbkdf2Sync(passphrase, Buffer.from(salt, "base64"), iterations, keyBytes, "sha256");
    if (this.open(key, check.join(":"), configKey) !== "pulumi") throw this.wrong(configKey);
    return key;
  }

  private passphrase(configKey: string): string {
    const { PULUMI_CONFIG_PASSPHRASE: direct, PULUMI_CONFIG_PASSPHRASE_FILE: file } = this.env;
    if (direct !== undefined) return direct;
    if (file) return readFileSync(file, "utf8").trim();
    throw new LocalRuntimeError(
      `the secret "${configKey}" of ${this.file} needs the stack's passphrase`,
      "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE.",
    );
  }

  private open(key: Buffer, text: string, configKey: string): string {
    const [version, nonce = "", sealed = ""] = text.split(":");
    if (version !== "v1") {
      throw new LocalRuntimeError(`the secret "${configKey}" of ${this.file} is malformed`, "Set it again.");
    }
    const bytes = Buffer.from(sealed, "base64");
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64"));
    decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(0, bytes.length - tagBytes)), decipher.final()]).toString(
        "utf8",
      );
    } catch {
      throw this.wrong(configKey);
    }
  }

  private wrong(configKey: string): LocalRuntimeError {
    return new LocalRuntimeError(
      `the secret "${configKey}" of ${this.file} can not be decrypted: wrong passphrase`,
      "Set PULUMI_CONFIG_PASSPHRASE to the stack's own.",
    );
  }
}
