#!/bin/sh
# Writes .env for docker-compose.yaml with fresh passwords, readable by you only. Leaves an existing .env as it is.
set -eu

cd "$(dirname "$0")/../.."
if [ -e .env ]; then
    echo ".env is there already; remove it first if you want new passwords (those of existing volumes stay)." >&2
    exit 1
fi

# Hexadecimal: such a password needs no quoting in a URL, in JSON or in SQL.
random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
fernet_key() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }

umask 077
draft=$(mktemp .env.XXXXXX)
trap 'rm -f "$draft"' EXIT
while IFS= read -r line; do
    case $line in
        FERNET_KEY=) echo "$line$(fernet_key)" ;;
        ADMIN_PASSWORD= | LAKE_ACCESS_KEY=) echo "$line$(random_hex 10)" ;;
        [A-Z]*=) echo "$line$(random_hex 32)" ;;
        *) echo "$line" ;;
    esac
done <.env.example >"$draft"
mv "$draft" .env
echo "Wrote .env. Next: docker compose up --build --detach; then log in as admin with ADMIN_PASSWORD of .env."
