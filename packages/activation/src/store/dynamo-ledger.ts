import { type DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import type { Profile } from "@tributary/model";
import { dynamodb, type Item, ProfileStore } from "@tributary/runtime";
import { type DeliveryState, deliveryState, type Ledger, type LedgerEntry } from "../domain/messages";
import type { Compute } from "./computed-profiles";

export interface LedgerTables {
  readonly memberships: string;
  readonly deliveries: string;
  readonly profiles: string;
  readonly graph: string;
}

interface Place {
  readonly audience: string;
  readonly profileId: string;
}

/** What destinations know, beside what they should know: the tables as deliveries see them. */
export class DynamoLedger implements Ledger {
  private readonly store: ProfileStore;

  constructor(
    private readonly tables: LedgerTables,
    private readonly options: { readonly compute?: Compute } = {},
    private readonly client: () => DynamoDBClient = dynamodb,
  ) {
    this.store = new ProfileStore(tables, client);
  }

  async load(destination: string, places: readonly Place[]): Promise<LedgerEntry[]> {
    const profiles = await this.store.byIds(places.map(({ profileId }) => profileId));
    return Promise.all(
      places.map(async ({ audience, profileId }) => {
        const stored = profiles.get(profileId);
        const { compute = async (profile: Profile) => profile } = this.options;
        const [profile, membership, delivery] = await Promise.all([
          stored ? compute(stored) : null,
          this.get(this.tables.memberships, { audience: { S: audience }, profileId: { S: profileId } }),
          this.get(this.tables.deliveries, deliveryKey(destination, audience, profileId)),
        ]);
        return {
          audience,
          profileId,
          profile: profile as LedgerEntry["profile"],
          member: membership?.member?.BOOL === true,
          delivered: delivery ? deliveryState.parse(unmarshall(delivery)) : null,
        };
      }),
    );
  }

  async record(
    destination: string,
    entries: readonly (Place & { readonly next: DeliveryState })[],
  ): Promise<boolean[]> {
    return Promise.all(
      entries.map(async ({ audience, profileId, next }) => {
        const before = next.revision - 1;
        const command = new PutItemCommand({
          TableName: this.tables.deliveries,
          Item: { ...deliveryKey(destination, audience, profileId), ...marshall(next) },
          ConditionExpression: before === 0 ? "attribute_not_exists(#revision)" : "#revision = :before",
          ExpressionAttributeNames: { "#revision": "revision" },
          ...(before === 0 ? {} : { ExpressionAttributeValues: { ":before": { N: String(before) } } }),
        });
        try {
          await this.client().send(command);
          return true;
        } catch (error) {
          if ((error as Error).name === "ConditionalCheckFailedException") return false;
          throw error;
        }
      }),
    );
  }

  private async get(table: string, key: Item): Promise<Item | undefined> {
    const command = new GetItemCommand({ TableName: table, Key: key, ConsistentRead: true });
    return (await this.client().send(command)).Item;
  }
}

/** Audience names have no `#`. */
function deliveryKey(destination: string, audience: string, profileId: string): Item {
  return { target: { S: `${destination}#${audience}` }, profileId: { S: profileId } };
}
