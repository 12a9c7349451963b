import { fileURLToPath } from "node:url";
import { Alias } from "@pulumi/pulumi/proto/alias_pb";
import type { Callback } from "@pulumi/pulumi/proto/callback_pb";
import * as proto from "@pulumi/pulumi/proto/resource_pb";
import { type JavaScriptValue, Value } from "google-protobuf/google/protobuf/struct_pb";
import type { AliasSpec, CallbackRef, Registration, RegistrationOptions } from "./registration";
import type { WireObject } from "./wire";

const hookKinds = [
  "BeforeCreate",
  "AfterCreate",
  "BeforeUpdate",
  "AfterUpdate",
  "BeforeDelete",
  "AfterDelete",
] as const;

/** The engine's own words for a `RegisterResourceRequest`. */
export function registrationFrom(request: proto.RegisterResourceRequest): Registration {
  const propertyDependencies: Record<string, string[]> = {};
  for (const [key, dependencies] of request.getPropertydependenciesMap().entries()) {
    propertyDependencies[key] = dependencies.getUrnsList();
  }
  const trigger = request.getReplacementTrigger();
  return {
    type: request.getType(),
    name: request.getName(),
    parent: request.getParent(),
    custom: request.getCustom(),
    remote: request.getRemote(),
    inputs: objectOf(request.getObject()),
    propertyDependencies,
    transforms: request.getTransformsList().map(callbackOf),
    source: sourceOf(request),
    options: {
      dependsOn: request.getDependenciesList(),
      protect: request.hasProtect() ? request.getProtect() : undefined,
      retainOnDelete: request.hasRetainondelete() ? request.getRetainondelete() : undefined,
      deleteBeforeReplace: request.getDeletebeforereplacedefined() ? request.getDeletebeforereplace() : undefined,
      ignoreChanges: request.getIgnorechangesList(),
      replaceOnChanges: request.getReplaceonchangesList(),
      additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
      aliases: [...request.getAliasurnsList().map((urn) => ({ urn })), ...request.getAliasesList().map(aliasFrom)],
      deletedWith: request.getDeletedwith() || undefined,
      replaceWith: request.getReplaceWithList(),
      import: request.getImportid() || undefined,
      provider: request.getProvider() || undefined,
      providers: Object.fromEntries(request.getProvidersMap().entries()),
      version: request.getVersion() || undefined,
      pluginDownloadUrl: request.getPlugindownloadurl() || undefined,
      replacementTrigger: trigger ? JSON.stringify(trigger.toJavaScript()) : undefined,
      hooks: hooksFrom(request.getHooks()),
    },
  };
}

export function objectOf(struct: { toJavaScript(): { [key: string]: JavaScriptValue } } | undefined): WireObject {
  return (struct?.toJavaScript() ?? {}) as WireObject;
}

export function callbackOf(callback: Callback): CallbackRef {
  return { target: callback.getTarget(), token: callback.getToken() };
}

function aliasFrom(alias: Alias): AliasSpec {
  if (alias.hasUrn()) return { urn: alias.getUrn() };
  const spec = alias.getSpec();
  if (!spec) throw new Error("an alias names neither a URN nor anything else");
  return {
    name: spec.getName() || undefined,
    type: spec.getType() || undefined,
    stack: spec.getStack() || undefined,
    project: spec.getProject() || undefined,
    parentUrn: spec.getParenturn() || undefined,
    noParent: spec.getNoparent() || undefined,
  };
}

function aliasTo(alias: AliasSpec): Alias {
  const result = new Alias();
  if (alias.urn) return result.setUrn(alias.urn);
  const spec = new Alias.Spec();
  spec.setName(alias.name ?? "");
  spec.setType(alias.type ?? "");
  spec.setStack(alias.stack ?? "");
  spec.setProject(alias.project ?? "");
  if (alias.noParent) spec.setNoparent(true);
  else if (alias.parentUrn) spec.setParenturn(alias.parentUrn);
  return result.setSpec(spec);
}

function hooksFrom(binding: proto.RegisterResourceRequest.ResourceHooksBinding | undefined): Record<string, string[]> {
  const hooks: Record<string, string[]> = {};
  if (!binding) return hooks;
  for (const kind of hookKinds) {
    const names = binding[`get${kind}List`]();
    if (names.length > 0) hooks[kind] = names;
  }
  if (binding.getOnErrorList().length > 0) hooks.OnError = binding.getOnErrorList();
  return hooks;
}

function hooksTo(
  hooks: Readonly<Record<string, readonly string[]>>,
): proto.RegisterResourceRequest.ResourceHooksBinding {
  const binding = new proto.RegisterResourceRequest.ResourceHooksBinding();
  for (const kind of hookKinds) binding[`set${kind}List`]([...(hooks[kind] ?? [])]);
  return binding.setOnErrorList([...(hooks.OnError ?? [])]);
}

/** Where in the program the resource is made: the innermost frame outside of `node_modules`, else what the SDK says. */
function sourceOf(request: proto.RegisterResourceRequest): string | undefined {
  const frames = (request.getStacktrace()?.getFramesList() ?? []).map((frame) => frame.getPc());
  const own = frames.find((position) => position?.getUri() && !position.getUri().includes("/node_modules/"));
  const position = own ?? request.getSourceposition();
  if (!position?.getUri()) return undefined;
  const uri = position.getUri();
  // The SDK writes `project:///…` for files below the project's root.
  const file = uri.startsWith("file:") ? fileURLToPath(uri) : uri.replace(/^project:\/\/\//, "");
  return `${file}:${position.getLine()}:${position.getColumn()}`;
}

/** Options as a transform gets them. */
export function optionsToTransform(options: RegistrationOptions): proto.TransformResourceOptions {
  const result = new proto.TransformResourceOptions();
  result.setDependsOnList([...options.dependsOn]);
  if (options.protect !== undefined) result.setProtect(options.protect);
  if (options.retainOnDelete !== undefined) result.setRetainOnDelete(options.retainOnDelete);
  if (options.deleteBeforeReplace !== undefined) result.setDeleteBeforeReplace(options.deleteBeforeReplace);
  result.setIgnoreChangesList([...options.ignoreChanges]);
  result.setReplaceOnChangesList([...options.replaceOnChanges]);
  result.setAdditionalSecretOutputsList([...options.additionalSecretOutputs]);
  result.setAliasesList(options.aliases.map(aliasTo));
  result.setDeletedWith(options.deletedWith ?? "");
  result.setReplaceWithList([...options.replaceWith]);
  result.setImport(options.import ?? "");
  result.setProvider(options.provider ?? "");
  for (const [name, provider] of Object.entries(options.providers)) result.getProvidersMap().set(name, provider);
  result.setVersion(options.version ?? "");
  result.setPluginDownloadUrl(options.pluginDownloadUrl ?? "");
  if (options.replacementTrigger !== undefined) {
    result.setReplacementTrigger(Value.fromJavaScript(JSON.parse(options.replacementTrigger) as JavaScriptValue));
  }
  result.setHooks(hooksTo(options.hooks));
  return result;
}

/** Options as a transform gave them back. */
export function optionsFromTransform(
  options: proto.TransformResourceOptions,
  before: RegistrationOptions,
): RegistrationOptions {
  const trigger = options.getReplacementTrigger();
  return {
    dependsOn: options.getDependsOnList(),
    protect: options.hasProtect() ? options.getProtect() : undefined,
    retainOnDelete: options.hasRetainOnDelete() ? options.getRetainOnDelete() : undefined,
    deleteBeforeReplace: options.hasDeleteBeforeReplace() ? options.getDeleteBeforeReplace() : undefined,
    ignoreChanges: options.getIgnoreChangesList(),
    replaceOnChanges: options.getReplaceOnChangesList(),
    additionalSecretOutputs: options.getAdditionalSecretOutputsList(),
    aliases: options.getAliasesList().map(aliasFrom),
    deletedWith: options.getDeletedWith() || undefined,
    replaceWith: options.getReplaceWithList(),
    import: options.getImport() || undefined,
    provider: options.getProvider() || undefined,
    providers: Object.fromEntries(options.getProvidersMap().entries()),
    version: options.getVersion() || before.version,
    pluginDownloadUrl: options.getPluginDownloadUrl() || undefined,
    replacementTrigger: trigger ? JSON.stringify(trigger.toJavaScript()) : undefined,
    hooks: options.hasHooks() ? hooksFrom(options.getHooks()) : before.hooks,
  };
}
