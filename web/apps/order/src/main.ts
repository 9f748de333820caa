/** The order page's entry point: the token stands behind the address's `#`, which browsers send to nobody. */
import "@vendomat/ui/styles.css";
import "./order.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { OrderClient } from "./state/client";
import { OrderPage } from "./state/orderPage.svelte";

const TICK_MS = 1000;

const target = document.getElementById("app");
if (target === null) throw new Error("index.html lacks #app");

const page = new OrderPage({
  client: new OrderClient(),
  now: () => performance.now(),
  newId: () => crypto.randomUUID(),
  isSeen: () => document.visibilityState === "visible",
  keep: (token) => history.replaceState(null, "", `#${token}`),
});

mount(App, { target, props: { page } });
addEventListener("hashchange", () => void page.open(location.hash.slice(1)));
void page.open(location.hash.slice(1));
setInterval(() => void page.tick(), TICK_MS);
