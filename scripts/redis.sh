# shellcheck shell=bash
# Sourced by test.sh: the Redis 7 that the tiers' tests run on beside Valkey.

ensure_redis() {
  # In CI a missing server fails the run; elsewhere the tests that need one are skipped, and say so.
  if ! command -v redis-server >/dev/null 2>&1 && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing redis-server for the tiers' tests ..." >&2
    apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server >/dev/null || true
  fi
  if command -v redis-server >/dev/null 2>&1; then
    return 0
  fi
  if [ -n "${CI:-}" ]; then
    echo "No redis-server found, and the tests on Redis 7 may not be skipped in CI." >&2
    return 1
  fi
  echo "NO REDIS 7: its part of the tiers' tests will be skipped." >&2
}
