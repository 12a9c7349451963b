import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { clientSettings, lazy } from "@tributary/runtime";
import {
  type DeliveryState,
  type Ledger,
  type LedgerEntry,
  type LedgerRequest,
  ledgerLoaded,
  ledgerRecorded,
} from "../domain/messages";

const lambda = lazy(() => new LambdaClient(clientSettings));

/**
 * The ledger behind a function of its own. A delivery calls addresses on the internet, and DynamoDB answers only inside
 * the network: a function that did both would need a NAT gateway, which bills by the hour.
 */
export class LambdaLedger implements Ledger {
  constructor(
    private readonly functionName: string,
    private readonly client: () => LambdaClient = lambda,
  ) {}

  async load(destination: string, places: readonly { audience: string; profileId: string }[]): Promise<LedgerEntry[]> {
    const answer = await this.invoke({ operation: "load", destination, places: [...places] });
    return ledgerLoaded.parse(answer).entries;
  }

  async record(
    destination: string,
    entries: readonly { audience: string; profileId: string; next: DeliveryState }[],
  ): Promise<boolean[]> {
    const answer = await this.invoke({ operation: "record", destination, entries: [...entries] });
    return ledgerRecorded.parse(answer).kept;
  }

  private async invoke(request: LedgerRequest): Promise<unknown> {
    const { Payload, FunctionError } = await this.client().send(
      new InvokeCommand({ FunctionName: this.functionName, Payload: Buffer.from(JSON.stringify(request)) }),
    );
    const text = Buffer.from(Payload ?? []).toString("utf8");
    if (FunctionError) throw new Error(`the ledger failed (${FunctionError}); its log has the stack`);
    return JSON.parse(text);
  }
}
