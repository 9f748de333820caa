/** The kiosk's entry point: builds the parts, follows the machine, mounts the page. */
import "@vendomat/ui/styles.css";
import "./kiosk.css";
import { KioskClient, SnapshotStream } from "@vendomat/api";
import { mount } from "svelte";
import App from "./App.svelte";
import { Kiosk } from "./state/kiosk.svelte";

const TICK_MS = 250;

const target = document.getElementById("app");
if (target === null) throw new Error("index.html lacks #app");

const client = new KioskClient();
const kiosk = new Kiosk({
  client,
  now: () => performance.now(),
  newId: () => crypto.randomUUID(),
  reload: () => location.reload(),
});

mount(App, { target, props: { kiosk } });
new SnapshotStream("/api/events", { onsnapshot: kiosk.apply, onlink: kiosk.setLink }).start();
void client.state().then(kiosk.applyFirst);
setInterval(kiosk.tick, TICK_MS);
