import type { Json } from "@tributary/model";
import type { Kernel } from "../../kernel";
import { isRecord } from "../support";
import { ruleHolds } from "./choice";
import type { QueryLanguage, State, StateGroup } from "./definition";
import { fillJsonata } from "./jsonata-templates";
import { get, type Scope, set } from "./paths";
import { catcherOf, Retries } from "./retry";
import { Aborted, runtimeError, StateError } from "./state-error";
import { runTask, type TaskContext } from "./tasks";
import { evaluateReference, fillTemplate } from "./templates";

/** Waits above this many seconds run on the scaled clock. */
const unscaledSeconds = 1;
/** Iterations of a Map that run at once where the definition sets no limit, as on AWS. */
const mapConcurrency = 40;

/** What an execution gives its interpreter. */
export interface Host {
  readonly kernel: Kernel;
  readonly task: TaskContext;
  /** `$$.Execution` and `$$.StateMachine`. */
  readonly context: { readonly [key: string]: Json };
  readonly queryLanguage: QueryLanguage;
  /** Seconds of a Wait or a retry above one second are multiplied by this. */
  readonly timeScale: number;
  /** Tells of strands that begin (+1) and end or rest on others (−1). */
  strands(change: 1 | -1): void;
  /** Waits on the real clock; rejects with `Aborted` when the signal says so. */
  sleep(ms: number, idle: boolean, signal: AbortSignal): Promise<void>;
  /** Adds to the history. */
  record(type: string, details?: { readonly [key: string]: Json }): Promise<void>;
}

type Variables = { [key: string]: Json };

/** A strand of work in an execution: the machine itself, a branch, or an iteration. */
interface Strand {
  readonly variables: Variables;
  readonly map?: { readonly [key: string]: Json };
  /** Aborted when the execution is stopped or a sibling has failed. */
  readonly signal: AbortSignal;
}

interface Step {
  readonly name: string;
  readonly state: State;
  readonly input: Json;
  readonly jsonata: boolean;
  readonly strand: Strand;
  readonly context: { readonly [key: string]: Json };
}

/** Runs states of the Amazon States Language. */
export class Interpreter {
  constructor(private readonly host: Host) {}

  /** Runs a machine, branch or item processor from its start to its end; the output of its last state. */
  async run(group: StateGroup, input: Json, strand: Strand): Promise<Json> {
    let name = group.StartAt;
    let data = input;
    for (;;) {
      if (strand.signal.aborted) throw new Aborted();
      const state = group.States[name];
      if (!state) throw runtimeError(`There is no state ${name}`);
      const { output, next } = await this.visit(name, state, data, strand);
      data = output;
      if (next === undefined) return data;
      name = next;
    }
  }

  private async visit(
    name: string,
    state: State,
    input: Json,
    strand: Strand,
  ): Promise<{ output: Json; next?: string | undefined }> {
    const { host } = this;
    const retries = new Retries(state.Retry);
    const entered = new Date(host.kernel.now()).toISOString();
    await this.record(strand, `${state.Type}StateEntered`, { name, input: JSON.stringify(input) });
    for (;;) {
      const context = {
        ...host.context,
        State: { Name: name, EnteredTime: entered, RetryCount: retries.count },
        ...(strand.map && { Map: strand.map as Json }),
      };
      const jsonata = (state.QueryLanguage ?? host.queryLanguage) === "JSONata";
      const step: Step = { name, state, input, jsonata, strand, context };
      try {
        const result = await this.perform(step);
        await this.record(strand, `${state.Type}StateExited`, { name, output: JSON.stringify(result.output) });
        return result;
      } catch (error) {
        const fault = toStateError(error);
        if (state.Type === "Fail") throw fault;
        const wait = retries.next(fault, Math.random);
        if (wait !== undefined) {
          await host.sleep(this.scaled(wait), false, strand.signal);
          continue;
        }
        const caught = await this.catch(step, fault);
        await this.record(strand, `${state.Type}StateExited`, { name, output: JSON.stringify(caught.output) });
        return caught;
      }
    }
  }

  /** Adds to the history; a strand that was stopped adds nothing more. */
  private async record(strand: Strand, type: string, details: { readonly [key: string]: Json }): Promise<void> {
    if (strand.signal.aborted) throw new Aborted();
    await this.host.record(type, details);
  }

  private scaled(seconds: number): number {
    return seconds > unscaledSeconds ? seconds * this.host.timeScale * 1000 : seconds * 1000;
  }

  private scope({ strand, context }: Step, data: Json): Scope {
    return { data, context, variables: strand.variables };
  }

  private fill(step: Step, template: unknown, extra: { readonly [key: string]: Json } = {}): Promise<Json> {
    const states = { input: step.input, context: step.context, ...extra };
    return fillJsonata(template, { states, variables: step.strand.variables });
  }

  /** One attempt at a state: from its input to its output. */
  private async perform(step: Step): Promise<{ output: Json; next?: string | undefined }> {
    const { state, jsonata } = step;
    if (state.Type === "Fail") throw await this.failure(step);
    if (state.Type === "Choice") return await this.choose(step);
    if (jsonata) {
      const args = state.Arguments === undefined ? step.input : await this.fill(step, state.Arguments);
      const result = await this.work(step, args);
      const extra = { result };
      const fallback = state.Type === "Wait" || state.Type === "Succeed" || state.Type === "Pass" ? step.input : result;
      const output = state.Output === undefined ? fallback : await this.fill(step, state.Output, extra);
      if (state.Assign !== undefined) this.assign(step, await this.fill(step, state.Assign, extra));
      return { output, next: state.Next };
    }
    const selected = state.InputPath === null ? {} : get(state.InputPath ?? "$", this.scope(step, step.input));
    const args =
      state.Parameters === undefined || state.Type === "Map"
        ? selected
        : fillTemplate(state.Parameters, this.scope(step, selected));
    const raw = await this.work(step, args);
    const result = state.ResultSelector === undefined ? raw : fillTemplate(state.ResultSelector, this.scope(step, raw));
    const merged = this.merge(step, state.ResultPath, result);
    if (state.Assign !== undefined) this.assign(step, fillTemplate(state.Assign, this.scope(step, result)));
    const output = state.OutputPath === null ? {} : get(state.OutputPath ?? "$", this.scope(step, merged));
    return { output, next: state.Next };
  }

  /** What a state does, with its effective input. */
  private async work(step: Step, args: Json): Promise<Json> {
    const { state } = step;
    switch (state.Type) {
      case "Pass":
        return state.Result === undefined ? args : (state.Result as Json);
      case "Wait":
        await this.host.sleep(this.scaled(await this.waitSeconds(step, args)), true, step.strand.signal);
        return args;
      case "Task":
        return await this.task(step, args);
      case "Parallel":
        return await this.together(step, state.Branches.length, state.Branches.length, (index, strand) => {
          const branch = state.Branches[index];
          if (!branch) throw runtimeError(`There is no branch ${index}`);
          return this.run(branch, args, strand);
        });
      case "Map":
        return await this.map(step, args);
      default:
        return args;
    }
  }

  private merge(step: Step, path: string | null | undefined, result: Json): Json {
    const { state, input } = step;
    if (state.Type === "Wait" || state.Type === "Succeed") return result;
    if (path === null) return input;
    return path === undefined || path === "$" ? result : set(input, path, result);
  }

  private assign(step: Step, values: Json): void {
    if (!isRecord(values)) throw runtimeError(`Assign of ${step.name} must be an object`);
    Object.assign(step.strand.variables, values);
  }

  private async failure(step: Step): Promise<StateError> {
    const { state, jsonata } = step;
    const text = async (literal: string | undefined, path: string | undefined) => {
      if (path !== undefined) return String(evaluateReference(path, this.scope(step, step.input)));
      return literal !== undefined && jsonata ? String(await this.fill(step, literal)) : (literal ?? "");
    };
    return new StateError(await text(state.Error, state.ErrorPath), await text(state.Cause, state.CausePath));
  }

  private async choose(step: Step): Promise<{ output: Json; next: string }> {
    const { state, jsonata, input } = step;
    const data =
      jsonata || state.InputPath === undefined
        ? input
        : state.InputPath === null
          ? {}
          : get(state.InputPath, this.scope(step, input));
    for (const rule of state.Choices) {
      const holds = jsonata
        ? (await this.fill(step, rule.Condition)) === true
        : ruleHolds(rule, this.scope(step, data));
      if (!holds) continue;
      const output =
        jsonata && rule.Output !== undefined ? await this.fill(step, rule.Output) : this.outputOf(step, data);
      if (rule.Assign !== undefined) {
        this.assign(
          step,
          jsonata ? await this.fill(step, rule.Assign) : fillTemplate(rule.Assign, this.scope(step, data)),
        );
      }
      return { output, next: String(rule.Next) };
    }
    if (state.Default === undefined)
      throw new StateError("States.NoChoiceMatched", `No choice of ${step.name} matched, and it has no Default`);
    const output =
      jsonata && state.Output !== undefined ? await this.fill(step, state.Output) : this.outputOf(step, data);
    return { output, next: state.Default };
  }

  private outputOf(step: Step, data: Json): Json {
    const { OutputPath: path } = step.state;
    if (step.jsonata || path === undefined) return data;
    return path === null ? {} : get(path, this.scope(step, data));
  }

  private async waitSeconds(step: Step, args: Json): Promise<number> {
    const { state, jsonata } = step;
    const at = (path: string) => get(path, this.scope(step, args));
    const value = async (literal: unknown) => (jsonata ? await this.fill(step, literal) : literal);
    const until = state.TimestampPath === undefined ? await value(state.Timestamp) : at(state.TimestampPath);
    if (until !== undefined && until !== null) {
      const time = Date.parse(String(until));
      if (Number.isNaN(time)) throw runtimeError(`Wait ${step.name}: ${String(until)} is not a timestamp`);
      return Math.max(0, (time - this.host.kernel.now()) / 1000);
    }
    const seconds = Number(state.SecondsPath === undefined ? await value(state.Seconds) : at(state.SecondsPath));
    if (!(seconds >= 0)) throw runtimeError(`Wait ${step.name}: its seconds are not a number`);
    return seconds;
  }

  private async task(step: Step, args: Json): Promise<Json> {
    const { state, name } = step;
    const resource = state.Resource ?? "";
    const label = { resourceType: resource.split(":").at(-2) ?? "", resource: resource.split(":").at(-1) ?? "", name };
    await this.record(step.strand, "TaskScheduled", { ...label, parameters: JSON.stringify(args) });
    try {
      const output = await this.limited(step, args, runTask(this.host.task, resource, args));
      await this.record(step.strand, "TaskSucceeded", { ...label, output: JSON.stringify(output) });
      return output;
    } catch (error) {
      const fault = toStateError(error);
      const type = fault.error === "States.Timeout" ? "TaskTimedOut" : "TaskFailed";
      await this.record(step.strand, type, { ...label, error: fault.error, cause: fault.causeText });
      throw fault;
    }
  }

  /** Holds a task to its TimeoutSeconds (real seconds). */
  private async limited(step: Step, args: Json, work: Promise<Json>): Promise<Json> {
    const { state } = step;
    const given =
      state.TimeoutSecondsPath === undefined
        ? state.TimeoutSeconds
        : get(state.TimeoutSecondsPath, this.scope(step, args));
    const seconds = step.jsonata && typeof given === "string" ? await this.fill(step, given) : given;
    if (seconds === undefined) return await work;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      const late = () =>
        reject(new StateError("States.Timeout", `${step.name} took longer than ${String(seconds)} seconds`));
      timer = setTimeout(late, Math.min(Number(seconds) * 1000, 2 ** 31 - 1));
    });
    try {
      return await Promise.race([work, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  private async map(step: Step, args: Json): Promise<Json> {
    const { state, jsonata } = step;
    const items = jsonata
      ? await this.fill(step, state.Items ?? step.input)
      : get(state.ItemsPath ?? "$", this.scope(step, args));
    if (!Array.isArray(items)) throw runtimeError(`Map ${step.name}: its items are not an array`);
    const processor = state.ItemProcessor ?? state.Iterator;
    if (!processor) throw runtimeError(`Map ${step.name} has no ItemProcessor`);
    const limit = Number(jsonata ? await this.fill(step, state.MaxConcurrency ?? 0) : (state.MaxConcurrency ?? 0));
    const selector = state.ItemSelector ?? state.Parameters;
    return await this.together(step, items.length, limit || mapConcurrency, async (index, strand) => {
      const value = items[index] ?? null;
      const context = { ...step.context, Map: { Item: { Index: index, Value: value } } };
      const itemStep: Step = { ...step, context, input: jsonata ? value : step.input };
      const input =
        selector === undefined
          ? value
          : jsonata
            ? await this.fill(itemStep, selector)
            : fillTemplate(selector, this.scope(itemStep, args));
      return await this.run(processor, input, { ...strand, map: { Item: { Index: index, Value: value } } });
    });
  }

  /** Runs strands side by side; the first failure stops the others. */
  private async together(
    step: Step,
    count: number,
    limit: number,
    run: (index: number, strand: Strand) => Promise<Json>,
  ): Promise<Json> {
    const group = new AbortController();
    const signal = AbortSignal.any([step.strand.signal, group.signal]);
    const results: Json[] = new Array<Json>(count).fill(null);
    let next = 0;
    const lane = async () => {
      this.host.strands(1);
      try {
        while (next < count && !signal.aborted) {
          const index = next++;
          // A strand sees the variables around it, and keeps its own to itself.
          results[index] = await run(index, { ...step.strand, variables: { ...step.strand.variables }, signal });
        }
      } finally {
        this.host.strands(-1);
      }
    };
    this.host.strands(-1);
    try {
      await Promise.all(Array.from({ length: Math.min(limit, count) }, lane));
    } catch (error) {
      group.abort();
      throw error;
    } finally {
      this.host.strands(1);
    }
    return results;
  }

  private async catch(step: Step, fault: StateError): Promise<{ output: Json; next: string }> {
    const catcher = catcherOf(step.state.Catch, fault);
    if (!catcher) throw fault;
    const extra = { errorOutput: fault.output };
    if (step.jsonata) {
      const output = catcher.Output === undefined ? fault.output : await this.fill(step, catcher.Output, extra);
      if (catcher.Assign !== undefined) this.assign(step, await this.fill(step, catcher.Assign, extra));
      return { output, next: catcher.Next };
    }
    if (catcher.Assign !== undefined) this.assign(step, fillTemplate(catcher.Assign, this.scope(step, fault.output)));
    const path = catcher.ResultPath;
    const output =
      path === null
        ? step.input
        : path === undefined || path === "$"
          ? fault.output
          : set(step.input, path, fault.output);
    return { output, next: catcher.Next };
  }
}

/** Whatever was thrown, as an error of the states language. What is a fault of the runtime keeps its own name. */
function toStateError(error: unknown): StateError {
  if (error instanceof StateError) return error;
  if (error instanceof Aborted) throw error;
  const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
  return new StateError(name, message);
}
