import type { Json } from "@tributary/model";
import { AwsError } from "../../kernel";
import { giveWay, sleep } from "./clock";
import type { State, StateGroup } from "./definition";
import { choose, failureOf, type Outcome, rest } from "./flow-states";
import { type Host, scaledMs } from "./host";
import type { Mark } from "./journal";
import { runMap } from "./map-state";
import { runParallel } from "./parallel-state";
import { get, set } from "./paths";
import { catcherOf, Retries } from "./retry";
import { Aborted, StateError } from "./state-error";
import { assign, fill, fillAny, limit, type Step, scopeOf } from "./step";
import { below, type Strand } from "./strand";
import { runTaskState } from "./task-state";
import { fillTemplate } from "./templates";

type Position = Extract<Mark, { state: string }>;

/** Runs states of the Amazon States Language. */
export class Interpreter {
  constructor(readonly host: Host) {}

  /** Runs a machine, branch or item processor from its start, or from where it stood, to its end: its output. */
  async run(group: StateGroup, input: Json, strand: Strand): Promise<Json> {
    const mark = this.host.marks.get(strand.path);
    if (mark && "output" in mark) return mark.output;
    let resumed = mark;
    let name = mark?.state ?? group.StartAt;
    let data = mark ? mark.input : input;
    if (mark) strand.own = mark.variables;
    for (;;) {
      if (strand.signal.aborted) throw new Aborted();
      await giveWay();
      const state = group.States[name] as State;
      const { output, next } = await this.visit(name, state, data, strand, resumed);
      resumed = undefined;
      data = output;
      if (next === undefined) break;
      name = next;
    }
    if (strand.path !== "$") this.host.journal.mark(strand.path, { output: data });
    return data;
  }

  /** Adds to the history; a strand that was stopped adds nothing more. */
  record(strand: Strand, type: string, details: { readonly [key: string]: Json } = {}, state?: string): void {
    if (strand.signal.aborted) throw new Aborted();
    strand.last = this.host.journal.add(type, strand.last, details, state);
  }

  private async visit(
    name: string,
    state: State,
    input: Json,
    strand: Strand,
    resumed: Position | undefined,
  ): Promise<Outcome> {
    const { host } = this;
    const position: Position = resumed
      ? { state: name, input, entered: resumed.entered, variables: resumed.variables }
      : { state: name, input, entered: new Date(host.kernel.now()).toISOString(), variables: strand.own };
    if (!resumed) {
      this.record(strand, `${state.Type}StateEntered`, { name, input: JSON.stringify(input) }, name);
      host.journal.mark(strand.path, position);
    }
    const keep: Step["keep"] = async (kept) => {
      host.journal.mark(strand.path, { ...position, ...kept });
      await host.journal.flush();
    };
    const retries = new Retries(state.Retry);
    const jsonata = (state.QueryLanguage ?? host.queryLanguage) === "JSONata";
    const exit = (outcome: Outcome): Outcome => {
      const output = limit(outcome.output, `The state ${name}: its output`);
      if (state.Type === "Parallel" || state.Type === "Map") host.journal.forget(below(strand, name));
      this.record(strand, `${state.Type}StateExited`, { name, output }, name);
      return outcome;
    };
    // A redrive tries anew what was in flight, in a Map only what failed; a restart goes on with it.
    let cut = host.redriven && state.Type !== "Map" ? undefined : resumed;
    for (;;) {
      const token = waitsForToken(state) ? (cut?.task?.token ?? (await host.tokens.issue(host.machineArn))) : undefined;
      const context = {
        ...host.context,
        State: { Name: name, EnteredTime: position.entered, RetryCount: retries.count },
        ...(strand.map !== undefined && { Map: strand.map }),
        ...(token !== undefined && { Task: { Token: token } }),
      };
      const step: Step = { name, state, input, jsonata, strand, context, resumed: cut, token, keep };
      try {
        return exit(await this.perform(step));
      } catch (error) {
        const fault = toStateError(error);
        if (fault.error === "States.QueryEvaluationError")
          this.record(strand, "EvaluationFailed", { state: name, error: fault.error, cause: fault.causeText }, name);
        if (state.Type === "Fail") throw fault;
        const wait = retries.next(fault, Math.random);
        if (wait === undefined) return exit(await this.catch(step, fault));
        await sleep(scaledMs(wait, host.timeScale), strand.signal);
        cut = undefined;
        if (state.Type === "Parallel" || state.Type === "Map") this.startOver(strand, name);
      }
    }
  }

  /** A retried Parallel or Map runs all of its branches or iterations again. */
  private startOver(strand: Strand, name: string): void {
    const prefix = below(strand, name);
    this.host.journal.forget(prefix);
    const marks = this.host.marks as Map<string, Mark>;
    for (const path of marks.keys()) if (path.startsWith(prefix)) marks.delete(path);
  }

  /** One attempt at a state: from its input to its output. */
  private async perform(step: Step): Promise<Outcome> {
    const { state, jsonata } = step;
    if (state.Type === "Fail") throw await failureOf(step);
    if (state.Type === "Choice") return await choose(step);
    if (jsonata) {
      const args = state.Arguments === undefined ? step.input : await fill(step, state.Arguments);
      const result = await this.work(step, args);
      const worked = state.Type === "Task" || state.Type === "Parallel" || state.Type === "Map";
      const extra: { readonly [key: string]: Json } = worked ? { result } : {};
      const output =
        state.Output === undefined ? (worked ? result : step.input) : await fill(step, state.Output, extra);
      if (state.Assign !== undefined) assign(step, await fill(step, state.Assign, extra));
      return { output, next: state.Next };
    }
    const selected = state.InputPath === null ? {} : get(state.InputPath ?? "$", scopeOf(step, step.input));
    const args =
      state.Parameters === undefined || state.Type === "Map"
        ? selected
        : fillTemplate(state.Parameters, scopeOf(step, selected));
    const raw = await this.work(step, args);
    const result = state.ResultSelector === undefined ? raw : fillTemplate(state.ResultSelector, scopeOf(step, raw));
    const merged = merge(step, state.ResultPath, result);
    if (state.Assign !== undefined) assign(step, fillTemplate(state.Assign, scopeOf(step, result)));
    const output = state.OutputPath === null ? {} : get(state.OutputPath ?? "$", scopeOf(step, merged));
    return { output, next: state.Next };
  }

  /** What a state does, with its effective input. */
  private async work(step: Step, args: Json): Promise<Json> {
    const { state } = step;
    switch (state.Type) {
      case "Pass":
        return state.Result === undefined || step.jsonata ? args : (state.Result as Json);
      case "Wait":
        await rest(this.host, step, args);
        return args;
      case "Task":
        return await runTaskState(this, step, args);
      case "Parallel":
        return await runParallel(this, step, args);
      case "Map":
        return await runMap(this, step, args);
      default:
        return args;
    }
  }

  private async catch(step: Step, fault: StateError): Promise<Outcome> {
    const catcher = catcherOf(step.state.Catch, fault);
    if (!catcher) throw fault;
    const next = catcher.Next;
    if (step.jsonata) {
      const extra = { errorOutput: fault.output };
      const output = catcher.Output === undefined ? fault.output : await fill(step, catcher.Output, extra);
      if (catcher.Assign !== undefined) assign(step, await fill(step, catcher.Assign, extra));
      return { output, next };
    }
    if (catcher.Assign !== undefined) assign(step, await fillAny(step, catcher.Assign, fault.output));
    return { output: merge(step, catcher.ResultPath, fault.output), next };
  }
}

const waitsForToken = ({ Type: type, Resource: resource }: State): boolean =>
  type === "Task" && resource !== undefined && resource.endsWith(".waitForTaskToken");

/** A result put into the state's input. */
function merge(step: Step, path: string | null | undefined, result: Json): Json {
  const { state, input } = step;
  if (state.Type === "Wait" || state.Type === "Succeed") return result;
  if (path === null) return input;
  return path === undefined || path === "$" ? result : set(input, path, result);
}

/** Whatever was thrown, as an error of the states language. What is a fault of the runtime keeps its own name. */
function toStateError(error: unknown): StateError {
  if (error instanceof StateError) return error;
  if (error instanceof Aborted) throw error;
  if (error instanceof AwsError || error instanceof Error) return new StateError(error.name, error.message);
  return new StateError("States.Runtime", String(error));
}
