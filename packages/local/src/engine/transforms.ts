import * as proto from "@pulumi/pulumi/proto/resource_pb";
import { type CallbackClients, structOf } from "./callbacks";
import { optionsFromTransform, optionsToTransform } from "./protocol";
import type { CallbackRef, Registration } from "./registration";
import type { Wire, WireObject } from "./wire";

/** Runs a resource's transforms: its own first, then its parents' from the inside out, then the stack's. */
export async function transformRegistration(
  registration: Registration,
  transforms: readonly CallbackRef[],
  callbacks: CallbackClients,
): Promise<Registration> {
  let current = registration;
  for (const transform of transforms) {
    const request = new proto.TransformRequest();
    request.setType(current.type);
    request.setName(current.name);
    request.setCustom(current.custom);
    request.setParent(current.parent);
    request.setProperties(structOf(current.inputs));
    request.setOptions(optionsToTransform(current.options));
    const answer = proto.TransformResponse.deserializeBinary(await callbacks.call(transform, request));
    const inputs = answer.getProperties()?.toJavaScript() as WireObject | undefined;
    const options = answer.getOptions();
    current = {
      ...current,
      inputs: inputs ?? current.inputs,
      options: options ? optionsFromTransform(options, current.options) : current.options,
    };
  }
  return current;
}

/** Runs the stack's invoke transforms over the arguments of a function call. */
export async function transformInvoke(
  token: string,
  args: WireObject,
  transforms: readonly CallbackRef[],
  callbacks: CallbackClients,
): Promise<WireObject> {
  let current: Wire = args;
  for (const transform of transforms) {
    const request = new proto.TransformInvokeRequest();
    request.setToken(token);
    request.setArgs(structOf(current as WireObject));
    request.setOptions(new proto.TransformInvokeOptions());
    const answer = proto.TransformInvokeResponse.deserializeBinary(await callbacks.call(transform, request));
    current = (answer.getArgs()?.toJavaScript() as WireObject | undefined) ?? current;
  }
  return current as WireObject;
}
