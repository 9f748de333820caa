"""Sees to it that the browser tests have a Chromium: installs it through apt when it may, else says how to.

Never fails: without a browser those tests skip, and everything else still runs. It downloads nothing by itself; apt
brings a signed package together with the Chinese fonts that the pages need.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = ("chromium", "fonts-noto-cjk")
ADVICE = f"browser: no Chromium here, so the browser tests skip. To run them: apt-get install -y {' '.join(PACKAGES)}"


def find_browser(path: str | None = None) -> str | None:
    """Where the first known browser is on `path` (the process's own by default), None when there is none."""
    found = (shutil.which(name, path=path) for name in BROWSERS)
    return next((where for where in found if where is not None), None)


def install_through_apt(apt: str) -> bool:
    """Whether apt installed the packages. Refreshes its lists first, as a fresh machine has none."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    steps = (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES])
    for step in steps:
        done = subprocess.run([apt, *step], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"browser: apt-get {step[0]} failed: {done.stderr.strip()[-500:]}")
            return False
    return True


def main() -> int:
    """The command: one line when there is something to say."""
    if find_browser() is not None:
        return 0
    apt = shutil.which("apt-get")
    if apt is not None and os.geteuid() == 0:
        print("browser: installing Chromium through apt")
        if install_through_apt(apt) and find_browser() is not None:
            return 0
    print(ADVICE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
