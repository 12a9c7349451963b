export { closing, type SqlToken as Token, tokensOf } from "@tributary/model";
