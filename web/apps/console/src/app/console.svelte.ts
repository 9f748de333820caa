/** What every page of the console shares: the client, the session, the fleet, what is live, and short messages. */
import type { Tone } from "@vendomat/ui";
import type { ConsoleClient, Failure } from "../api/client";
import type { Alarm, Machine, Permission, Session, Setup } from "../api/views";
import { t } from "../i18n";
import { toldAs } from "../push/memory";
import { askPasskey } from "../session/passkeys";
import type { Live } from "./live.svelte";
import type { Preferences } from "./preferences.svelte";
import { Fleet } from "./fleet.svelte";
import { Resource } from "./resource.svelte";
import type { Router } from "./router.svelte";

const MESSAGE_MS = 5000;
/** So many open alarms are known at most; there may be more. */
export const ALARMS_MAX = 200;


export type Message = { text: string; tone: Tone };

export type ConsoleParts = {
  client: ConsoleClient;
  live: Live;
  router: Router;
  preferences: Preferences;
  /** A new idempotency key. */
  newKey: () => string;
};

export class Console {
  session: Session | undefined = $state.raw();
  /** Whether it is known yet who is here. */
  isAsked = $state(false);
  /** While nobody has set this cloud up. */
  setup: Setup | undefined = $state.raw();
  sessionFailure: Failure | undefined = $state.raw();
  message: Message | undefined = $state.raw();
  /** Where one who has just signed out may sign out at the identity provider, too. */
  left: string | undefined = $state.raw();
  /** Whether the person is being asked to prove who they are. */
  isProofAsked = $state(false);
  readonly fleet: Fleet;
  readonly alarms: Resource<readonly Alarm[]>;
  #messages = 0;
  #proofEnds: ((isProven: boolean) => void)[] = [];

  constructor(readonly parts: ConsoleParts) {
    const { client } = parts;
    client.onSignedOut = () => this.#forget();
    client.onFactorMissing = () => {
      if (this.session !== undefined && !this.session.lacks_second_factor) void this.askSession();
    };
    client.onForbidden = () => void this.#lookAtRights();
    client.onProofWanted = this.askProof;
    this.fleet = new Fleet(client, () => performance.now());
    this.alarms = new Resource<readonly Alarm[]>(async () => {
      const reply = await client.alarms({ state: "open", limit: ALARMS_MAX });
      return reply.kind === "ok" ? { kind: "ok", value: reply.value.data } : reply;
    });
  }

  get client(): ConsoleClient {
    return this.parts.client;
  }
  get live(): Live {
    return this.parts.live;
  }
  get router(): Router {
    return this.parts.router;
  }
  get preferences(): Preferences {
    return this.parts.preferences;
  }
  /** Whether this operator's role has a right, such as `refund.ask`; the cloud decides again at each request. */
  may(permission: Permission): boolean {
    return this.session?.operator.permissions.includes(permission) ?? false;
  }

  askSession = async (): Promise<void> => {
    const reply = await this.client.session();
    const isStranger = reply.kind === "refused" && reply.problem.code === "not_signed_in";
    const setup = isStranger ? await this.client.setup() : undefined;
    this.setup = setup?.kind === "ok" && setup.value.is_open ? setup.value : undefined;
    this.isAsked = true;
    if (reply.kind === "ok") {
      this.session = reply.value;
      this.sessionFailure = undefined;
    } else if (isStranger) {
      this.#forget();
    } else if (this.session === undefined) {
      this.sessionFailure = reply;
    }
  };

  signIn = async (email: string, password: string, code = ""): Promise<Failure | undefined> => {
    const reply = await this.client.signIn(email, password, code);
    if (reply.kind !== "ok") return reply;
    this.session = reply.value;
    return undefined;
  };

  /** Undefined, too, when the person changed their mind. */
  signInByPasskey = async (): Promise<Failure | undefined> => {
    const begun = await this.client.beginPasskeySignIn();
    if (begun.kind !== "ok") return begun;
    const answer = await askPasskey(begun.value);
    if (answer === undefined) return undefined;
    const reply = await this.client.signInByPasskey(answer);
    if (reply.kind !== "ok") return reply;
    this.session = reply.value;
    return undefined;
  };

  signOut = async (): Promise<void> => {
    const { is_by_provider: isByProvider, merchant } = this.session ?? {};
    const reply = await this.client.signOut();
    if (reply.kind === "ok" && toldAs() !== undefined) void import("../push/push").then(({ turnOff }) => turnOff());
    if (reply.kind === "ok") this.left = isByProvider === true && merchant ? `/api/v1/session/provider/${merchant.id}/leave` : undefined;
    if (reply.kind === "ok" || (reply.kind === "refused" && reply.problem.code === "not_signed_in")) this.#forget();
    else this.say(t("session.still_in"), "crit");
  };

  /** Whether the person proves who they are. */
  askProof = (): Promise<boolean> => {
    this.isProofAsked = true;
    return new Promise((resolve) => this.#proofEnds.push(resolve));
  };

  /** The person has proved who they are, or would not: all that waited for it goes on. */
  endProof = (isProven: boolean): void => {
    this.isProofAsked = false;
    for (const end of this.#proofEnds.splice(0)) end(isProven);
  };

  machine(id: string): Machine | undefined {
    return this.fleet.value?.find((machine) => machine.id === id);
  }

  /** Shows a short message for a while. */
  say = (text: string, tone: Tone = "ok"): void => {
    this.message = { text, tone };
    const mine = (this.#messages += 1);
    setTimeout(() => {
      if (mine === this.#messages) this.message = undefined;
    }, MESSAGE_MS);
  };

  /** After a refusal: a role that was changed meanwhile takes from the page what it offered, and says so. */
  async #lookAtRights(): Promise<void> {
    const before = this.session?.operator.permissions.join();
    if (before === undefined) return;
    await this.askSession();
    if (this.session !== undefined && this.session.operator.permissions.join() !== before) this.say(t("session.rights_changed"), "warn");
  }

  #forget(): void {
    this.endProof(false);
    this.session = undefined;
    this.sessionFailure = undefined;
    this.isAsked = true;
    this.fleet.value = undefined;
    this.alarms.value = undefined;
  }
}
