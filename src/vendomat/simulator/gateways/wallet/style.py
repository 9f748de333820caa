"""The wallet page's style sheet and script, served from here so that the page needs nothing from outside."""

from __future__ import annotations

ACCENTS = {
    "wechat": ("#08814a", "#e3f4ea", "#3ecf8e"),
    "alipay": ("#145fd1", "#e5eefc", "#6ea8ff"),
    "stripe": ("#5046d6", "#ebe9fb", "#a49dff"),
}
"""By platform: accent on light, its tint, accent on dark."""

_STYLE = """
:root{--head:ACCENT;--accent:ACCENT;--tint:TINT;--ground:#eef0f3;--page:#f6f7f9;--card:#fff;--ink:#15181d;--soft:#5d6673;
--line:#e4e7ec;--on-accent:#fff;--bad:#b3261e;color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--ground:#0b0d10;--page:#121519;--card:#1b1f25;--ink:#f1f3f6;--soft:#a2abb8;
--line:#2b3139;--tint:rgba(148,163,184,.16);--accent:DARK;--on-accent:#08110c;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"PingFang SC",
"Noto Sans CJK SC","Microsoft YaHei",sans-serif;-webkit-font-smoothing:antialiased}
a{color:inherit;text-decoration:none}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.phone{position:relative;max-width:430px;min-height:100vh;min-height:100dvh;margin:0 auto;background:var(--page);
display:flex;flex-direction:column}
@media (min-width:520px){.phone{min-height:860px;margin:28px auto;border-radius:36px;overflow:hidden;
box-shadow:0 24px 60px rgba(15,23,42,.18)}}
header{background:var(--head);color:#fff;padding:18px 20px 64px}
.bar{display:flex;align-items:center;gap:12px}
.bar svg{flex:none}
.brand{flex:1;min-width:0}
.brand h1{margin:0;font-size:19px;line-height:1.25;font-weight:650}
.brand p{margin:1px 0 0;font-size:13px;opacity:.86}
.chip{border:1px solid currentColor;border-radius:999px;padding:9px 14px;min-height:44px;
font-size:14px;line-height:24px;white-space:nowrap}
main{flex:1;padding:0 16px 24px;margin-top:-44px;display:flex;flex-direction:column;gap:16px}
.card{background:var(--card);border-radius:18px;padding:18px;box-shadow:0 1px 2px rgba(15,23,42,.06)}
h2{margin:0 0 12px;font-size:16px;font-weight:650}
.scan{display:flex;gap:10px}
input,select{font:inherit;color:inherit;background:var(--page);border:1px solid var(--line);border-radius:12px;
min-height:48px;padding:0 14px;width:100%;min-width:0}
input::placeholder{color:var(--soft);opacity:1}
button,.button{font:inherit;font-weight:600;border:0;border-radius:14px;min-height:52px;padding:0 22px;cursor:pointer;
background:var(--accent);color:var(--on-accent);display:flex;align-items:center;justify-content:center;white-space:nowrap}
.scan button{min-height:48px;border-radius:12px}
.plain{background:var(--tint);color:var(--accent)}
.quiet{background:none;border:1px dashed var(--line);color:var(--soft);font-weight:500}
.list{list-style:none;margin:0 -18px -10px;padding:0}
.list li+li{border-top:1px solid var(--line)}
.row{display:flex;align-items:center;gap:14px;padding:14px 18px;min-height:72px}
a.row:active{background:var(--page)}
.mark{flex:none;width:44px;height:44px;border-radius:14px;background:var(--tint);color:var(--accent);display:grid;
place-items:center}
.what{flex:1;min-width:0}
.what b{display:block;font-weight:600;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.what span{display:block;font-size:13px;color:var(--soft);overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.sum{text-align:right;font-variant-numeric:tabular-nums;font-weight:650;font-size:17px;white-space:nowrap}
.sum small{display:block;font-size:12.5px;font-weight:500;color:var(--soft)}
.sum small.back{color:var(--accent)}
.none{text-align:center;padding:26px 8px 18px;color:var(--soft)}
.none svg{color:var(--accent);opacity:.75}
.none b{display:block;color:var(--ink);font-weight:600;margin:10px 0 2px}
.who{display:flex;align-items:center;gap:10px}
.who label{flex:none;color:var(--soft)}
.who button{min-height:48px;border-radius:12px;background:var(--tint);color:var(--accent)}
.service{padding-bottom:14px}
.service .row{padding-left:0;padding-right:0}
.stack{display:flex;flex-direction:column;gap:16px}
.shown{text-align:center}
.shown p{margin:6px 0 0;font-size:13px;color:var(--soft)}
.shown .qr{background:#fff;color:#000;border-radius:14px;padding:10px;width:220px;margin:0 auto}
.shown .qr svg{display:block;width:100%;height:auto}
.shown .digits{font-size:20px;font-weight:650;color:var(--ink);font-variant-numeric:tabular-nums;user-select:all}
nav{display:grid;grid-template-columns:repeat(3,1fr);background:var(--card);border-top:1px solid var(--line);
position:sticky;bottom:0}
nav a{padding:10px 0 12px;text-align:center;font-size:13px;color:var(--soft);min-height:60px}
nav a svg{display:block;margin:0 auto 2px}
nav a[aria-current]{color:var(--accent);font-weight:600}
.veil{position:absolute;inset:0;background:rgba(10,14,20,.5)}
.sheet:focus{outline:none}
.sheet{position:absolute;left:0;right:0;bottom:0;background:var(--card);border-radius:26px 26px 0 0;
padding:12px 22px 26px;animation:rise .22s ease-out}
@keyframes rise{from{transform:translateY(40px);opacity:.4}}
@media (prefers-reduced-motion:reduce){.sheet{animation:none}}
@media (max-width:519px){.veil,.sheet{position:fixed}}
.top{display:flex;align-items:center;justify-content:space-between;margin-bottom:6px;color:var(--soft);font-size:14px}
.top a{width:44px;height:44px;display:grid;place-items:center;margin-right:-12px}
.payee{text-align:center;font-size:17px;font-weight:600;overflow-wrap:anywhere}
.amount{text-align:center;font-size:46px;line-height:1.2;font-weight:700;font-variant-numeric:tabular-nums;
margin:4px 0 14px}
.amount span{font-size:28px;margin-right:3px}
dl{margin:0 0 18px;border-top:1px solid var(--line)}
dl div{display:flex;justify-content:space-between;gap:18px;padding:11px 0;border-bottom:1px solid var(--line)}
dt{color:var(--soft);flex:none}
dd{margin:0;text-align:right;overflow-wrap:anywhere}
dd.number{font-size:13px;font-variant-numeric:tabular-nums;color:var(--soft)}
.deeds{display:grid;gap:10px}
.deeds p{margin:0;font-size:13px;line-height:1.45;color:var(--soft);text-align:center}
.result{flex:1;display:flex;flex-direction:column;align-items:center;text-align:center;padding:72px 28px 28px}
.result svg{color:var(--accent)}
.result.bad svg{color:var(--bad)}
.result h1{margin:18px 0 4px;font-size:23px}
.result p{margin:0;color:var(--soft)}
.result .amount{margin:18px 0 0}
.result .deeds{width:100%;margin-top:auto;padding-top:36px}
"""

SCRIPT = """
'use strict';
const ahead = Number(document.body.dataset.now) - Date.now() / 1000;
function countDown() {
  for (const place of document.querySelectorAll('[data-ends]')) {
    const left = Math.max(0, Math.round(Number(place.dataset.ends) - Date.now() / 1000 - ahead));
    const words = place.dataset.left;
    const hours = Math.floor(left / 3600);
    const clock = (hours ? hours + ':' : '') + String(Math.floor(left / 60) % 60).padStart(2, '0') + ':' +
      String(left % 60).padStart(2, '0');
    place.textContent = left > 86400 ? '' : words.replace('{}', clock);
  }
}
async function refresh() {
  const list = document.getElementById('live');
  if (!list || document.hidden) return;
  try {
    const answer = await fetch(list.dataset.from);
    if (!answer.ok) return;
    const words = await answer.text();
    if (words !== list.dataset.seen) { list.dataset.seen = words; list.innerHTML = words; countDown(); }
  } catch (gone) { list.setAttribute('aria-busy', 'true'); return; }
  list.removeAttribute('aria-busy');
}
countDown();
setInterval(countDown, 1000);
setInterval(refresh, 1500);
"""


def style_of(platform: str) -> str:
    """The style sheet in the platform's colour."""
    accent, tint, dark = ACCENTS[platform]
    return _STYLE.replace("ACCENT", accent).replace("TINT", tint).replace("DARK", dark)
