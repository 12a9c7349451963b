import fc from "fast-check";
import {
  alternativesOf,
  type Condition,
  ConditionError,
  isFuzzy,
  keysOf,
  type MatchingFunction,
  mostAlternatives,
  parseCondition,
  printCondition,
} from "../../src/matching";
import { grammarCases } from "./grammar.cases";

/** A condition without the places of its functions. */
function bare(condition: Condition): Condition {
  if (condition.kind === "and" || condition.kind === "or") {
    return { kind: condition.kind, operands: condition.operands.map(bare) };
  }
  const { at, ...rest } = condition;
  return rest as Condition;
}

describe("conditions of Advanced rules", () => {
  test.each(grammarCases.map((given) => [given.source, given.text, given] as const))("%s: %s", (_, text, { gives }) => {
    if ("kind" in gives) {
      expect(bare(parseCondition(text))).toEqual(gives);
      return;
    }
    let error: unknown;
    try {
      parseCondition(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConditionError);
    const { position, message, excerpt } = error as ConditionError;
    expect({ position, message }).toEqual({ position: gives.at, message: expect.stringContaining(gives.says) });
    expect(excerpt.split("\n").at(-1)).toBe(`${" ".repeat(gives.at)}^`);
  });

  const key = fc.oneof(
    fc.constantFrom("email", "Email address", "AND", "a-b_c", "x"),
    fc.string({ minLength: 1, maxLength: 8 }).filter((text) => text.trim() !== "" && !text.includes('"')),
  );
  const threshold = fc.integer({ min: 0, max: 1_000 });
  const leaf: fc.Arbitrary<MatchingFunction> = fc.oneof(
    key.map((key) => ({ kind: "exact", key }) as const),
    fc
      .tuple(key, fc.constantFrom("Process" as const, "Ignore" as const))
      .map(([key, emptyValues]) => ({ kind: "exact", key, emptyValues }) as const),
    fc.uniqueArray(key, { minLength: 2, maxLength: 4 }).map((keys) => ({ kind: "exactManyToMany", keys }) as const),
    fc.tuple(key, threshold).map(([key, threshold]) => ({ kind: "levenshtein", key, threshold }) as const),
    fc.tuple(key, threshold).map(([key, threshold]) => ({ kind: "cosine", key, threshold }) as const),
    key.map((key) => ({ kind: "soundex", key }) as const),
  );
  const conditions = fc.letrec<{ condition: Condition }>((tie) => ({
    condition: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc
        .tuple(
          fc.constantFrom("and" as const, "or" as const),
          fc.array(tie("condition"), { minLength: 2, maxLength: 3 }),
        )
        .map(([kind, given]) => ({
          kind,
          operands: given.flatMap((operand) => (operand.kind === kind ? operand.operands : [operand])),
        })),
    ),
  })).condition;

  test("what is printed is read back", () => {
    fc.assert(
      fc.property(conditions, (condition) => {
        expect(bare(parseCondition(printCondition(condition)))).toEqual(condition);
      }),
      { numRuns: 300, seed: 42 },
    );
  });

  test("the alternatives hold exactly where the condition holds", () => {
    const holds = (condition: Condition, truth: (given: MatchingFunction) => boolean): boolean => {
      if (condition.kind === "and") return condition.operands.every((operand) => holds(operand, truth));
      if (condition.kind === "or") return condition.operands.some((operand) => holds(operand, truth));
      return truth(condition);
    };
    fc.assert(
      fc.property(conditions, fc.func(fc.boolean()), (condition, oracle) => {
        let alternatives: MatchingFunction[][];
        try {
          alternatives = alternativesOf(condition);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        const truth = (given: MatchingFunction) => oracle(printCondition(given));
        expect(alternatives.some((functions) => functions.every(truth))).toBe(holds(condition, truth));
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  test("a condition with too many alternatives is refused, not expanded", () => {
    const wide = Array.from({ length: 12 }, (_, index) => `(Exact(a${index}) OR Exact(b${index}))`).join(" AND ");
    expect(() => alternativesOf(parseCondition(wide))).toThrow(`4096 alternatives, at most ${mostAlternatives}`);
  });

  test("any text is read or refused as a ConditionError", () => {
    const word = fc.constantFrom("Exact", "(", ")", ",", "AND", "OR", "a", '"', "=", "EmptyValues", "2", "Cosine", " ");
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), (words) => {
        try {
          parseCondition(words.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(ConditionError);
        }
      }),
      { numRuns: 500, seed: 3 },
    );
  });

  test("keys are named once, fuzzy functions are told from exact ones", () => {
    const condition = parseCondition('Exact(a) AND (Levenshtein("b c", 1) OR ExactManyToMany(a, d))');
    expect(keysOf(condition)).toEqual(["a", "b c", "d"]);
    expect(alternativesOf(condition).map((given) => given.map(isFuzzy))).toEqual([
      [false, true],
      [false, false],
    ]);
  });
});
