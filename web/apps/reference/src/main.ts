/** The reference's entry point: it reads the document that this very server serves. */
import "@vendomat/ui/styles.css";
import "./reference.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { Reference } from "./state/reference.svelte";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html lacks #app");

const reference = new Reference((address) => fetch(address));
reference.go(location.hash);
addEventListener("hashchange", () => reference.go(location.hash));
mount(App, { target, props: { reference } });
void reference.load();
