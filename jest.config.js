/** Transpile only: types are checked separately, by `tsc` (scripts/test.mjs). */
module.exports = {
  testEnvironment: "node",
  // Pulumi's work outlives a test; a cleaned-up global would make it warn.
  testEnvironmentOptions: { globalsCleanup: "off" },
  coverageProvider: "v8",
  roots: ["<rootDir>/packages", "<rootDir>/examples"],
  testMatch: ["**/test/**/*.test.ts"],
  modulePathIgnorePatterns: ["/dist/"],
  moduleNameMapper: {
    "^@tributary/([a-z-]+)$": "<rootDir>/packages/$1/src",
    "^@tributary/([a-z-]+)/([a-z-]+)$": "<rootDir>/packages/$1/src/$2",
  },
  transform: {
    "^.+\\.ts$": [
      "ts-jest",
      {
        diagnostics: false,
        tsconfig: {
          target: "ES2022",
          module: "commonjs",
          isolatedModules: true,
          esModuleInterop: true,
          sourceMap: true,
          resolveJsonModule: true,
        },
      },
    ],
  },
  testTimeout: 60000,
};
