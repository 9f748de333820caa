/** The member page's entry point: the key stands behind the address's `#`, which browsers send to nobody. */
import "@vendomat/ui/styles.css";
import "./member.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { MemberClient } from "./state/client";
import { Wallet } from "./state/wallet.svelte";

const TICK_MS = 1000;

const target = document.getElementById("app");
if (target === null) throw new Error("index.html lacks #app");

const wallet = new Wallet({
  client: new MemberClient(location.hash.slice(1)),
  now: () => performance.now(),
  newId: () => crypto.randomUUID(),
  isSeen: () => document.visibilityState === "visible",
});

mount(App, { target, props: { wallet } });
addEventListener("hashchange", () => location.reload());
void wallet.open();
setInterval(() => void wallet.tick(), TICK_MS);
