import { expect, it } from "vitest";
import { agentWords } from "./agent";

it.each([
  ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0 Safari/537.36", "Chrome · Linux"],
  ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36 Edg/120.0", "Edge · Windows"],
  ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 Version/17 Safari/604", "Safari · iPhone"],
  ["Mozilla/5.0 (Linux; Android 14) AppleWebKit Chrome/119 Mobile Safari/537 MicroMessenger/8.0", "WeChat · Android"],
  ["curl/8.0", "curl/8.0"],
])("%s", (agent, words) => {
  expect(agentWords(agent)).toBe(words);
});
