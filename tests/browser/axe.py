"""What axe finds wrong with a page, by the rules of WCAG 2.2 at level AA, the size of what is pressed among them."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Page

_PROGRAM = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
_ASK = """
async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const rules = { "target-size": { enabled: true }, region: { enabled: false } };
  const found = await axe.run(document, { runOnly: tags, rules, resultTypes: ["violations"] });
  return found.violations.flatMap((one) =>
    one.nodes.map((node) => {
      const why = [...node.any, ...node.all, ...node.none].map((check) => check.message).join("; ");
      return `${one.id}: ${node.target.join(" ")}: ${why}`;
    }));
}
"""


async def violations(page: Page) -> list[str]:
    """One line for each place: rule, where, what. The program is the locked one of the web workspace."""
    if not await page.evaluate("typeof axe === 'object'"):
        await page.evaluate(_PROGRAM.read_text(encoding="utf-8"))
    found: list[str] = await page.evaluate(_ASK)
    return found
