# shellcheck shell=bash
# Sourced by run.sh and test.sh: a .venv with exactly what requirements.lock names. Needs a Python 3.12+ and no root.

runs() {
  "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}

find_python() {
  # A candidate counts only if it runs: a pyenv shim may be on PATH and still refuse, so pyenv's versions are tried too.
  local candidate root path
  for candidate in python3.12 python3.13 python3.14 python3 python; do
    if runs "$candidate"; then
      echo "$candidate"
      return 0
    fi
  done
  IFS=: read -r -a path <<<"$PATH"
  for root in "${PYENV_ROOT:-}" "${HOME:-}/.pyenv" /usr/local /usr /opt/homebrew "${path[@]%/shims}"; do
    for candidate in "$root"/versions/3.1[2-9]*/bin/python "$root"/bin/python3.1[2-9]; do
      if runs "$candidate"; then
        echo "$candidate"
        return 0
      fi
    done
  done
  return 1
}

install_lock() {
  # uv takes seconds where pip takes a minute; pip installs the locked uv first, and all the rest where uv cannot run.
  local python=.venv/bin/python uv_lock=.venv/uv.lock.txt
  awk '/^uv==/ {print; wanted=1; next} wanted && /^ *--hash/ {print; next} {wanted=0}' requirements.lock >"$uv_lock"
  if "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$uv_lock" &&
    env -u UV_PYTHON UV_PYTHON_DOWNLOADS=never .venv/bin/uv pip install --quiet --system-certs \
      --python "$python" --require-hashes -r requirements.lock; then
    return 0
  fi
  echo "uv could not install the lock; pip does it, which takes about a minute" >&2
  "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
}

bootstrap() {
  local python stamp=.venv/.installed
  if [ -f "$stamp" ] && cmp -s requirements.lock "$stamp" && .venv/bin/python -c '' 2>/dev/null; then
    return 0
  fi
  if ! runs .venv/bin/python; then
    python=$(find_python) || {
      echo "No Python 3.12 or newer found: install one (with its venv module) and run this again." >&2
      return 1
    }
    echo "Setting up .venv with $("$python" --version) ..." >&2
    rm -rf .venv
    "$python" -m venv .venv || return 1
  fi
  echo "Installing what requirements.lock names ..." >&2
  rm -f "$stamp"
  install_lock || {
    echo "The packages could not be installed: is a package index reachable?" >&2
    return 1
  }
  cp requirements.lock "$stamp"
}
