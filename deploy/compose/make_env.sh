#!/bin/sh
# Writes .env for docker-compose.yaml with fresh passwords, readable by you only. An existing .env keeps what it has, and
# gets what it does not have.
set -eu

cd "$(dirname "$0")/../.."

# Hexadecimal: such a password needs no quoting in a URL, in JSON or in SQL.
random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
fernet_key() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }

# A line of .env.example, with a value where it has none.
fill_in() {
    case $1 in
        FERNET_KEY=) echo "$1$(fernet_key)" ;;
        ADMIN_PASSWORD= | LAKE_ACCESS_KEY=) echo "$1$(random_hex 10)" ;;
        [A-Z]*=) echo "$1$(random_hex 32)" ;;
        *) echo "$1" ;;
    esac
}

umask 077
draft=$(mktemp .env.XXXXXX)
trap 'rm -f "$draft"' EXIT
added=
if [ -e .env ]; then
    cat .env >"$draft"
    # Its last line may have no line break.
    [ -z "$(tail -c 1 .env)" ] || echo >>"$draft"
    while IFS= read -r line; do
        case $line in [A-Z]*=) ;; *) continue ;; esac
        grep -q "^$line." .env && continue
        fill_in "$line" >>"$draft"
        added="$added ${line%=}"
    done <.env.example
    [ -n "$added" ] || { echo ".env has everything; nothing was changed."; exit 0; }
    echo "Added to .env:$added. Volumes that exist keep their passwords: see docs/how-to/deployment.md."
else
    while IFS= read -r line; do fill_in "$line"; done <.env.example >"$draft"
    echo "Wrote .env. Next: docker compose up --build --detach; then log in as admin with ADMIN_PASSWORD of .env."
fi
mv "$draft" .env
