#!/bin/sh
# Signs the event on standard input and sends it: SERVICE=… DEPARTMENT=… SECRET=… sh call_back.sh < event.json
set -eu
event=$(mktemp)
trap 'rm -f "$event"' EXIT
cat > "$event"
id="msg_$(openssl rand -hex 16)"
timestamp=$(date +%s)
curl -sS "$SERVICE/v1/callbacks/$DEPARTMENT" -H 'Content-Type: application/json' \
  -H "webhook-id: $id" -H "webhook-timestamp: $timestamp" \
  -H "webhook-signature: $(sh "$(dirname "$0")/signature.sh" "$id" "$timestamp" < "$event")" --data-binary "@$event"
