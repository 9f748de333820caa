import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

/** The console has pages of its own below `/console/`, so paths start there; no file is inlined, so that a strict content policy holds. */
export default defineConfig({
  base: "/console/",
  plugins: [svelte({ configFile: false })],
  server: { proxy: { "/api": "http://127.0.0.1:8080", "/media": "http://127.0.0.1:8080" } },
  build: { target: "es2022", assetsInlineLimit: 0, sourcemap: false, modulePreload: { polyfill: false } },
  // Tests run the page's own reactive code, not its server-side form.
  resolve: process.env["VITEST"] ? { conditions: ["browser"] } : {},
  test: { server: { deps: { inline: ["lucide-static"] } } },
});
