import * as grpc from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import * as engine from "@pulumi/pulumi/proto/engine_pb";
import { ResourceMonitorService } from "@pulumi/pulumi/proto/resource_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/resource_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { structOf } from "./callbacks";
import type { Deployment } from "./deployment";
import { callbackOf, objectOf, registrationFrom } from "./protocol";
import type { Wire } from "./wire";

const features = proto.ResourceMonitorFeature;

/** Features by their name for SDKs that ask one by one, and by their number for those that ask for all. */
const supported: Readonly<Record<string, proto.ResourceMonitorFeature>> = {
  secrets: features.RESOURCE_MONITOR_FEATURE_SECRETS,
  resourceReferences: features.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
  outputValues: features.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES,
  aliasSpecs: features.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
  deletedWith: features.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
  replaceWith: features.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
  transforms: features.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
  invokeTransforms: features.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
  parameterization: features.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION,
  resourceHooks: features.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
};

/** An error's text travels in an HTTP/2 header, which must stay small. */
const longestDetail = 3000;

/** A call that is answered, in the event loop's own time, with a promise. */
type Handler<Q, A> = (request: Q) => Promise<A> | A;

function unary<Q, A>(handler: Handler<Q, A>, abandon?: (error: Error) => void): grpc.handleUnaryCall<Q, A> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => handler(call.request))
      .then(
        (answer) => callback(null, answer),
        (error: Error) => {
          abandon?.(error);
          const code = abandon
            ? grpc.status.UNAVAILABLE
            : error instanceof NotAnswered
              ? grpc.status.UNIMPLEMENTED
              : grpc.status.UNKNOWN;
          const text =
            error.message.length > longestDetail ? `${error.message.slice(0, longestDetail)} …` : error.message;
          callback({ code, details: text });
        },
      );
  };
}

/** An RPC of Pulumi's engine that makes no sense here. */
class NotAnswered extends Error {}

export interface MonitorOptions {
  readonly deployment: Deployment;
  readonly parallel: number;
  readonly config: Readonly<Record<string, string>>;
  readonly configSecretKeys: readonly string[];
  readonly log: (severity: "info" | "warning" | "error", message: string, urn: string) => void;
  /**
   * Called with a registration's failure; the program then only hears that the engine went away, which the SDK takes
   * quietly. For a program in this process, where an error would become an unhandled rejection.
   */
  readonly abort?: (error: Error) => void;
}

/** Pulumi's `ResourceMonitor` and `Engine` services, answered by a deployment. One server per run, on loopback. */
export class Monitor {
  private readonly server = new grpc.Server({
    "grpc.max_receive_message_length": 400 * 2 ** 20,
    "grpc.max_send_message_length": 400 * 2 ** 20,
  });

  constructor(private readonly options: MonitorOptions) {
    this.server.addService(ResourceMonitorService, this.monitorService());
    this.server.addService(EngineService, this.engineService());
  }

  /** Listens, and gives `127.0.0.1:<port>`. */
  async listen(): Promise<string> {
    const port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return `127.0.0.1:${port}`;
  }

  close(): void {
    this.server.forceShutdown();
  }

  /** Names of the RPCs that are answered, for the test that compares them with the protocol. */
  answered(): { monitor: string[]; engine: string[] } {
    return { monitor: Object.keys(this.monitorService()), engine: Object.keys(this.engineService()) };
  }

  private monitorService(): grpc.UntypedServiceImplementation {
    const { deployment, abort } = this.options;
    return {
      getDeploymentInfo: unary(() => this.deploymentInfo()),
      supportsFeature: unary((request: proto.SupportsFeatureRequest) =>
        new proto.SupportsFeatureResponse().setHassupport(request.getId() in supported),
      ),
      invoke: unary(async (request: proto.ResourceInvokeRequest) => {
        const answer = await deployment.invoke(request.getTok(), objectOf(request.getArgs()));
        const response = new proto.ResourceInvokeResponse();
        return answer ? response.setReturn(structOf(answer)) : response.setUnknown(true).setReturn(structOf({}));
      }),
      call: unary((request: proto.ResourceCallRequest) => {
        throw new NotAnswered(
          `the method ${request.getTok()} lives in a Pulumi plugin, which the embedded runtime does not run`,
        );
      }),
      readResource: unary(async (request: proto.ReadResourceRequest) => {
        const read = await deployment.read({
          type: request.getType(),
          id: request.getId() as Wire,
          name: request.getName(),
          parent: request.getParent(),
          properties: objectOf(request.getProperties()),
          dependencies: request.getDependenciesList(),
        });
        return new proto.ReadResourceResponse().setUrn(read.urn).setProperties(structOf(read.outputs));
      }, abort),
      existsResource: unary(async (request: proto.ExistsResourceRequest) =>
        new proto.ExistsResourceResponse().setExists(await deployment.exists(request.getType(), request.getId())),
      ),
      registerResource: unary(async (request: proto.RegisterResourceRequest) => {
        const done = await deployment.register(registrationFrom(request));
        return new proto.RegisterResourceResponse().setUrn(done.urn).setId(done.id).setObject(structOf(done.outputs));
      }, abort),
      registerResourceOutputs: unary(async (request: proto.RegisterResourceOutputsRequest) => {
        await deployment.registerOutputs(request.getUrn(), objectOf(request.getOutputs()));
        return new Empty();
      }, abort),
      registerStackTransform: unary((callback: Parameters<typeof callbackOf>[0]) => {
        deployment.stackTransforms.push(callbackOf(callback));
        return new Empty();
      }),
      registerStackInvokeTransform: unary((callback: Parameters<typeof callbackOf>[0]) => {
        deployment.invokeTransforms.push(callbackOf(callback));
        return new Empty();
      }),
      registerResourceHook: unary((request: proto.RegisterResourceHookRequest) => {
        const callback = request.getCallback();
        if (!callback) throw new Error(`the resource hook "${request.getName()}" has no callback`);
        deployment.context.hooks.register(request.getName(), {
          callback: callbackOf(callback),
          onDryRun: request.getOnDryRun(),
          ignoreErrors: request.getIgnoreErrors(),
        });
        return new Empty();
      }),
      registerErrorHook: unary((request: proto.RegisterErrorHookRequest) => {
        throw new NotAnswered(`error hooks ("${request.getName()}") are not run by the embedded runtime`);
      }),
      registerPackage: unary((request: proto.RegisterPackageRequest) =>
        new proto.RegisterPackageResponse().setRef(`${request.getName()}@${request.getVersion()}`),
      ),
      signalAndWaitForShutdown: unary(async () => {
        // Deletes happen here, while the program is still there to answer its hooks. A failure is the run's, not the program's.
        await deployment.finish().catch(() => undefined);
        return new Empty();
      }),
    };
  }

  private engineService(): grpc.UntypedServiceImplementation {
    const { deployment, log } = this.options;
    return {
      log: unary((request: engine.LogRequest) => {
        const severity = request.getSeverity();
        // The SDK sends some three debug messages per resource.
        if (severity === engine.LogSeverity.DEBUG) return new Empty();
        const name =
          severity === engine.LogSeverity.ERROR
            ? "error"
            : severity === engine.LogSeverity.WARNING
              ? "warning"
              : "info";
        log(name, request.getMessage(), request.getUrn());
        return new Empty();
      }),
      getRootResource: unary(() => new engine.GetRootResourceResponse().setUrn(deployment.rootUrn)),
      setRootResource: unary((request: engine.SetRootResourceRequest) => {
        deployment.rootUrn = request.getUrn();
        return new engine.SetRootResourceResponse();
      }),
      startDebugging: unary((request: engine.StartDebuggingRequest) => {
        log("info", request.getMessage(), "");
        return new Empty();
      }),
      requirePulumiVersion: unary((request: engine.RequirePulumiVersionRequest) => {
        log(
          "info",
          `there is no Pulumi CLI here; the wanted version ${request.getPulumiVersionRange()} is not checked`,
          "",
        );
        return new engine.RequirePulumiVersionResponse();
      }),
    };
  }

  private deploymentInfo(): proto.DeploymentInfo {
    const { deployment, parallel, config, configSecretKeys } = this.options;
    const { project, stack, organization, preview } = deployment.context;
    const info = new proto.DeploymentInfo();
    info.setProject(project).setStack(stack).setOrganization(organization).setDryrun(preview).setParallel(parallel);
    for (const [key, value] of Object.entries(config)) info.getConfigMap().set(key, value);
    return info.setConfigsecretkeysList([...configSecretKeys]).setSupportedfeaturesList(Object.values(supported));
  }
}
