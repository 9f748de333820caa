import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

/** Relative paths, so that the server may mount the pages anywhere; no file is inlined, so that a strict content policy holds. */
export default defineConfig({
  base: "./",
  plugins: [svelte({ configFile: false })],
  build: { target: "es2022", assetsInlineLimit: 0, sourcemap: false, modulePreload: { polyfill: false } },
  // Tests run the page's own reactive code, not its server-side form.
  resolve: process.env["VITEST"] ? { conditions: ["browser"] } : {},
  test: { server: { deps: { inline: ["lucide-static"] } } },
});
