#!/usr/bin/env bash
#
# Feeds the dashboard: one INSERT … SELECT, by default once a second until it is stopped. From cron: feed.sh 1
#
#   feed.sh [TIMES]
#
# COMETWIRE_HOST, COMETWIRE_PORT and COMETWIRE_KEY (the root key) say where.

set -euo pipefail

times=${1:-0}
# The client takes the password from the environment: an argument could be read by everybody on this machine.
export MYSQL_PWD=${COMETWIRE_KEY:-$(cat cometwire-data/root.key)}
client=(mysql --host="${COMETWIRE_HOST:-127.0.0.1}" --port="${COMETWIRE_PORT:-3307}" --protocol=tcp --user=root CometQL_v1)

numbers() {
    cat <<'SQL'
INSERT INTO pipes_messages (name, event, message)
SELECT 'trust_dashboard', 'numbers', JSON_OBJECT(
  'connections', (SELECT COUNT(*) FROM connections),
  'subscriptions', (SELECT COUNT(*) FROM subscriptions),
  'pipes', (SELECT COUNT(*) FROM pipes),
  'bytes sent', (SELECT COALESCE(SUM(bytes_out), 0) FROM connections))
SQL
}

for ((done = 0; times == 0 || done < times; done++)); do
    if ((done > 0)); then sleep 1; fi
    numbers | "${client[@]}"
done
