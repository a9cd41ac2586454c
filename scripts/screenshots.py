# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of the archive's pages in ten states, to be looked at after a change: build/screenshots/*.png.

Needs Chromium and chromedriver (Debian: chromium, chromium-driver). Run it from a checkout: `make screenshots`.
"""

from __future__ import annotations

import base64
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / ".build"), str(ROOT / "tests")]

from integration.browser import Browser, chromium
from unit.archive import samples
from unit.archive.samples import message, record

from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor
from ansible_collections.coder.tasks.plugins.module_utils.archive.store import Archive

OUTPUT = ROOT / "build" / "screenshots"
TITLES = ("Fix the flaky login test", "Upgrade the Postgres driver", "Add a dark mode", "Investigate a memory leak",
          "Document the webhook API", "Refactor the session storage", "Triage issue 4123", "Write a load test")
MARKDOWN = """## What I found

The **login test** fails one time in five, because the cookie is written with `SameSite=Strict`:

```python
def test_login(client):
    response = client.post("/login", data={"user": "alice"})
    assert response.cookies["session"] is not None
```

1. The redirect from the identity provider *loses* it.
2. The [specification](https://datatracker.ietf.org/doc/html/rfc6265) says why.
   - A nested point, with <b>HTML that stays text</b>.

| file | lines | seconds |
|---|---:|---:|
| `src/app.py` | 12 | 0.3 |
| `tests/test_login.py` | 30 | 4.2 |

> Whoever changes this should read the note in the changelog.

```diff
-response.set_cookie("session", token, samesite="Strict")
+response.set_cookie("session", token, samesite="Lax")
 return response
```
"""
TERMINAL = (
    "● Bash(pytest tests/test_login.py -x -q)\n"
    "  ⎿  \x1b[32m11 passed\x1b[0m, \x1b[1;31m1 failed\x1b[0m, \x1b[33m2 warnings\x1b[0m in \x1b[36m4.21s\x1b[0m\n"
    "     \x1b[2mcollected in 0.3 s\x1b[0m \x1b[38;5;39mblue of 256\x1b[0m \x1b[38;2;200;60;200mtrue colour\x1b[0m\n"
)
EDIT = (
    "● Update(src/app.py)\n  ⎿  Updated src/app.py with 2 additions and 1 removal\n"
    "       11      def login(self):\n       12 -        cookie = strict()\n       12 +        cookie = lax()\n"
    "       13 +        log(cookie)\n       14          return cookie\n\n"
    "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n-old line\n+new line\n context\n"
)
LANGUAGES = [
    message(0, "ログインテストが五回に一回失敗します。修正してください。", "input"),
    message(1, "セッションクッキーが`SameSite=Strict`で書かれているため、\nリダイレクトで失われます。"
               "\n修复登录测试：会话 cookie 丢失。"),
    message(2, "اختبار تسجيل الدخول يفشل مرة من كل خمس. أصلحه من فضلك.", "input"),
    message(3, "## ما وجدته\n\n- ملف الارتباط مكتوب بقيمة `Strict`.\n- **أصلحته** وأضفت اختبارا."),
    message(4, "בדיקת ההתחברות נכשלת. תודה! 🎉👩🏽‍💻🇯🇵", "input"),
    message(5, "완료했습니다 ✅ ทดสอบแล้ว हो गया — naïve façade, Ελληνικά, кириллица."),
    message(6, samples.HOSTILE, "input"),
]


@dataclass
class State:
    """A page, what is done on it, and how it is looked at: as far as a screen reaches, or the whole of it."""

    name: str
    page: str
    script: str = ""
    dark: bool = False
    width: int = 1280
    printed: bool = False
    whole: bool = False


STATES = (
    State("01-index-light", "index"),
    State("02-index-dark-by-words", "index", "$('search').value = 'identity provider'; restart();", dark=True),
    State("03-index-phone-cjk", "index", "$('search').value = 'クッキー'; restart(); $('tasks').scrollIntoView();",
          width=390),
    State("04-index-print-filtered", "index", "$('status').value = 'error'; restart();", width=794, printed=True),
    State("05-transcript-light", "rich"),
    State("06-transcript-dark-hit", "rich", "$('search').value = 'cookie'; filter(); go(1); go(1); go(1);", dark=True),
    State("07-transcript-phone-dark", "rich", dark=True, width=390),
    State("08-transcript-languages", "languages", whole=True),
    State("09-transcript-partial-gap-seam", "partial", whole=True),
    State("10-transcript-print", "rich", width=794, printed=True),
)


def build(path: Path) -> dict[str, Path]:
    """An archive with everything that a page can show, and the pages by name."""
    records = samples.fleet(300)
    for number, each in enumerate(records):
        each["task"]["display_name"] = TITLES[number % len(TITLES)]
    token = "gh" + "p_" + "a1B2" * 9
    prompts = [message(at, f"Prompt {at // 2}: look at the cookie once more.", "input") for at in (6, 8)]
    answers = [message(at, "\n".join(f"  {n:>3}  assert cookies[{n}]" for n in range(60))) for at in (7, 9)]
    rich = [message(0, f"The login test fails one time in five. Please fix it.\n\nThe token is {token}.", "input"),
            message(1, MARKDOWN), message(2, "Show me the tests and the change.", "input"), message(3, TERMINAL),
            message(4, EDIT), message(5, "Thanks. Add a note to the changelog, too.", "input"),
            prompts[0], answers[0], prompts[1], answers[1]]
    records[0] = record(0, rich, task_changes={"display_name": "Fix the flaky login test"})
    records[1] = record(1, LANGUAGES, task_changes={"display_name": "ログイン修正 · إصلاح تسجيل الدخول · 🎉"})
    records[2] = record(2, task_changes={"display_name": samples.HOSTILE, "owner_name": samples.HOSTILE})
    first = [message(0, "Please fix the login page.", "input"), message(1, "I will look at it."),
             message(7, "Done with the first part."), message(8, "Now the second part, please.", "input")]
    second = [message(0, "I was started anew. What shall I do?"), message(1, "Go on with the second part.", "input")]
    with Archive(str(path), Redactor(samples.KEY), key=samples.KEY) as store:
        store.save(record(3, first))
        for each in records[:3] + records[4:]:
            store.save(each)
        store.save(record(3, second, source="snapshot", snapshot_at="2026-06-01T13:00:00Z",
                          task_changes={"workspace_build_number": 4, "status": "paused"}))
        store.finish()
    pages = {"rich": 0, "languages": 1, "partial": 3}
    found = {name: next((path / "tasks").glob(f"*{record(number)['task']['id']}")) for name, number in pages.items()}
    return {"index": path / "index.html", **{name: folder / "transcript.html" for name, folder in found.items()}}


def shoot(browser: Browser, state: State, page: Path) -> None:
    features = [{"name": "prefers-color-scheme", "value": "dark" if state.dark else "light"}]
    browser.devtools("Emulation.setDeviceMetricsOverride", width=state.width, height=900, deviceScaleFactor=1,
                     mobile=False)
    browser.devtools("Emulation.setEmulatedMedia", media="print" if state.printed else "", features=features)
    browser.open(page)
    browser.run(state.script + ("dispatchEvent(new Event('beforeprint'));" if state.printed else ""))
    shot: dict[str, Any] = {"captureBeyondViewport": state.whole}
    if state.whole:
        height = browser.run("return document.documentElement.scrollHeight")
        shot["clip"] = {"x": 0, "y": 0, "width": state.width, "height": height, "scale": 1}
    picture = browser.devtools("Page.captureScreenshot", **shot)["data"]
    (OUTPUT / f"{state.name}.png").write_bytes(base64.b64decode(picture))


def main() -> int:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        pages = build(Path(folder) / "archive")
        for state in STATES:
            shoot(browser, state, pages[state.page])
            print(OUTPUT.relative_to(ROOT) / f"{state.name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
