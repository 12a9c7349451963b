import type { RemoteComponent } from "./index";
export const awsxVpc: RemoteComponent = async () => {
  throw new Error("in the making");
};
