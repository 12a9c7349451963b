import type { Kernel } from "../../../kernel";

/** How a mapping fares: what the API shows as `LastProcessingResult`, and what the user is told once. */
export class MappingStatus {
  private result = "No records processed";
  private warned: string | undefined;

  constructor(
    private readonly kernel: Kernel,
    private readonly label: string,
  ) {}

  get lastProcessingResult(): string {
    return this.result;
  }

  ok(): void {
    this.result = "OK";
    this.warned = undefined;
  }

  /** A problem that is there again is not told again. */
  problem(text: string): void {
    this.result = `PROBLEM: ${text}`;
    if (this.warned === text) return;
    this.warned = text;
    this.kernel.log.warn(`${this.label}: ${text}`);
  }
}
