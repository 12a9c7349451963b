/**
 * Settings of every client. The SDK's default of 50 sockets would hold back the processor's concurrent writes; the
 * time-outs keep a lost connection from eating a function's whole time (SDK v3 waits for ever by default).
 */
export const clientSettings = {
  maxAttempts: 4,
  requestHandler: {
    connectionTimeout: 1_000,
    requestTimeout: 10_000,
    httpsAgent: { keepAlive: true, maxSockets: 200 },
  },
};
