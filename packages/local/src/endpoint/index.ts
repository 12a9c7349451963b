export { type AwsEndpoint, serveAwsEndpoint } from "./server";
