# shellcheck shell=bash
# Sourced by test.sh: the Chromium that the page's tests drive.

has_browser() {
  command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1
}

ensure_browser() {
  # In CI a missing browser fails the run; elsewhere the tests that need one are skipped, and say so.
  if ! has_browser && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing chromium for the page's tests ..." >&2
    apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null || true
  fi
  if has_browser; then
    return 0
  fi
  if [ -n "${CI:-}" ]; then
    echo "No Chromium found, and the page's tests may not be skipped in CI." >&2
    return 1
  fi
  echo "NO CHROMIUM: the page's tests will be skipped." >&2
}
