#!/bin/sh
# Builds the documentation into .nightshift/site, with pinned tools in an environment of its own, and checks that the pages
# load nothing from elsewhere. Needs the project's .venv (`bin/setup`) and, the first time, the network.
set -eu
unset CDPATH PYTHONPATH VIRTUAL_ENV || true
cd "$(dirname "$0")/.."

pins=requirements/docs.txt
tools=.nightshift/docs-venv
[ -x .venv/bin/python ] || bin/setup

if [ "$(cat "$tools/.stamp" 2>/dev/null)" != "$(cksum <"$pins")" ]; then
    uv=$(command -v uv || echo .nightshift/uv/bin/uv)
    rm -rf "$tools"
    if "$uv" --version >/dev/null 2>&1; then
        "$uv" venv --quiet --python .venv/bin/python "$tools"
        "$uv" pip sync --quiet --require-hashes --python "$tools/bin/python" "$pins"
    else
        .venv/bin/python -m venv "$tools"
        "$tools/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$pins"
    fi
    cksum <"$pins" >"$tools/.stamp"
fi

# Material warns about MkDocs 2 otherwise, which the pins exclude.
log=.nightshift/docs.log
if ! NO_MKDOCS_2_WARNING=1 "$tools/bin/python" -m mkdocs build --strict >"$log" 2>&1; then
    grep -v '^INFO' "$log" >&2
    exit 1
fi
"$tools/bin/python" docs/check_site.py .nightshift/site
echo "The documentation is in .nightshift/site/index.html"
