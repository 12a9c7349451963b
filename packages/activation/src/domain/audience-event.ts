/**
 * What the event bus gets of an entry into an audience or an exit, in the field names of Segment's audiences. The bus
 * delivers at least once and in no order: `messageId` tells repeats, `properties.sequence` the order within one profile
 * and audience (1, 2, 3 …).
 */
export interface AudienceEvent {
  readonly type: "track";
  readonly event: "Audience Entered" | "Audience Exited";
  /** The same for each delivery of this change. */
  readonly messageId: string;
  /** The instant at which it became true, ISO 8601. */
  readonly timestamp: string;
  readonly profileId: string;
  readonly properties: {
    readonly audience_key: string;
    /** By the audience's name: whether the profile is in it now. */
    readonly [audience: string]: string | number | boolean;
    /** See `Reason`. */
    readonly reason: string;
    readonly sequence: number;
  };
  readonly context: {
    readonly personas: { readonly computation_class: "audience"; readonly computation_key: string };
  };
}
