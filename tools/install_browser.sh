#!/bin/sh
# Finds the Chromium the browser tests drive, or installs one. Says on stderr what it did; prints the path on stdout.
# Usage: tools/install_browser.sh [PYTHON]   (PYTHON has Playwright installed; default python3)
set -eu
python="${1:-python3}"

say() { printf '%s\n' "$*" >&2; }

find_browser() {
    if [ -n "${YILONG_TEST_BROWSER:-}" ] && [ -x "${YILONG_TEST_BROWSER}" ]; then
        printf '%s\n' "${YILONG_TEST_BROWSER}"
        return 0
    fi
    # The shell without a window draws and prints the same pages with a third less work.
    for name in chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name"; then return 0; fi
    done
    "$python" - <<'PYTHON' 2>/dev/null
import os
import sys
from playwright.sync_api import sync_playwright

with sync_playwright() as playwright:
    path = playwright.chromium.executable_path
if not os.access(path, os.X_OK):
    sys.exit(1)
print(path)
PYTHON
}

has_chinese_font() {
    command -v fc-list >/dev/null 2>&1 && [ -n "$(fc-list :lang=zh-cn family 2>/dev/null | head -n 1)" ]
}

can_use_apt() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1
}

apt_install() {
    say "installing with apt-get: $*"
    apt-get update -qq >&2 || say "apt-get update failed; trying with the lists that are there"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

if path="$(find_browser)"; then
    say "found a browser: $path"
    if ! has_chinese_font; then
        if can_use_apt; then
            apt_install fonts-noto-cjk fontconfig
        else
            say "no Chinese font found: the glyph test will fail until one is installed (fonts-noto-cjk)"
        fi
    fi
else
    fonts="fonts-noto-cjk fontconfig"
    # shellcheck disable=SC2086 - two packages
    if can_use_apt && { apt_install chromium-headless-shell $fonts || apt_install chromium $fonts; }; then
        say "installed the distribution's chromium"
    else
        say "no chromium and no apt-get as root: asking Playwright for its own"
        "$python" -m playwright install chromium >&2
    fi
    path="$(find_browser)" || { say "no Chromium could be found or installed"; exit 1; }
fi
printf '%s\n' "$path"
