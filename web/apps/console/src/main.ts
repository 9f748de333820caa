/** The console's entry point: builds the parts, mounts the page, asks who is here. */
import "@vendomat/ui/styles.css";
import "./console.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { ConsoleClient, randomKey } from "./api/client";
import { Console } from "./app/console.svelte";
import { Live } from "./app/live.svelte";
import { Preferences } from "./app/preferences.svelte";
import { Router } from "./app/router.svelte";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html lacks #app");

const office = new Console({
  client: new ConsoleClient(),
  live: new Live(),
  router: new Router(),
  preferences: new Preferences(),
  newKey: randomKey,
});

office.router.start();
mount(App, { target, props: { office } });
void office.askSession();
