/** Zones per Region where there are not three; us-east-1 has six. */
const letters: Readonly<Record<string, string>> = {
  "us-east-1": "abcdef",
  "us-west-2": "abcd",
  "ap-northeast-1": "acd",
};

/** Availability zones of a Region with AWS's names and ids (`us-east-1a`, `use1-az1`). */
export function zonesOf(region: string): { name: string; id: string }[] {
  return [...(letters[region] ?? "abc")].map((letter, index) => ({
    name: `${region}${letter}`,
    id: `${shortRegion(region)}-az${index + 1}`,
  }));
}

/** `eu-central-1` → `euc1`, as zone ids have it. */
function shortRegion(region: string): string {
  const [area = "", direction = "", number = ""] = region.split("-");
  const compass = direction.replace(/^(north|south)?(east|west)?(central)?$/, (_, a = "", b = "", c = "") =>
    [a, b, c].map((word: string) => word.charAt(0)).join(""),
  );
  return `${area}${compass}${number}`;
}
