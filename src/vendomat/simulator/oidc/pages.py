"""The provider's pages: who are you, and what shall go wrong. Texts only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 12vh auto; padding: 0 1rem; }}
  form, label {{ display: grid; gap: .25rem; }} form {{ gap: 1rem; }}
  label.row {{ grid-template-columns: auto 1fr; align-items: center; }}
  input, select, button {{ font: inherit; padding: .5rem; }} .small {{ color: #555; font-size: .9rem; }}
</style>
<h1>{title}</h1>
{body}
</html>
"""


def sign_in_page(asked: Mapping[str, str], troubles: Iterable[str], email: str) -> str:
    """`asked` is the question that comes with the browser; the form sends it back as it is."""
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in asked.items()
    )
    options = "".join(f'<option value="{escape(one)}">{escape(one.replace("_", " "))}</option>' for one in troubles)
    return _PAGE.format(
        title="Emulated identity provider",
        body=f"""<p class="small">Nobody is who they say they are here: type any mail.</p>
<form method="post" action="authorize">{kept}
  <label>E-mail <input name="email" type="email" required value="{escape(email)}" data-testid="provider-email"></label>
  <label>Name <input name="name" placeholder="as in the mail" data-testid="provider-name"></label>
  <label class="row"><input type="checkbox" name="mfa" value="yes"> <span>by two factors</span></label>
  <label>What goes wrong <select name="trouble" data-testid="provider-trouble">{options}</select></label>
  <button data-testid="provider-sign-in">Sign in</button>
</form>""",
    )


def word_page(title: str, text: str) -> str:
    return _PAGE.format(title=escape(title), body=f"<p>{escape(text)}</p>")
