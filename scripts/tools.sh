# shellcheck shell=bash
# Sourced: programs that are too heavy for .venv, or that pin what it pins otherwise, each locked and in a venv of its own.

tool_venv() {
  # tool_venv NAME: prints the folder of the programs that infra/tools/NAME.lock names.
  # By its true path: programs name their interpreter, and .cache may be a link in a checkout that goes.
  local lock=infra/tools/$1.lock venv
  mkdir -p .cache/tools
  venv=$(cd .cache/tools && pwd -P)/$1
  if ! cmp -s "$lock" "$venv/.installed"; then
    rm -rf "$venv"
    .venv/bin/python -m venv --without-pip "$venv" >&2
    env -u UV_PYTHON UV_PYTHON_DOWNLOADS=never .venv/bin/uv pip install --quiet --system-certs \
      --python "$venv/bin/python" --require-hashes -r "$lock" >&2
    cp "$lock" "$venv/.installed"
  fi
  echo "$venv/bin"
}
