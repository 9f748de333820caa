/** The console's entry point: mounts the page. A placeholder until the console's first screens arrive. */
import { mount } from "svelte";
import App from "./App.svelte";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html lacks #app");
mount(App, { target });
