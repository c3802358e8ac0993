#!/bin/sh
# Prints the signature of what is on standard input: SECRET=whsec_… sh signature.sh ID TIMESTAMP < body
# The key stands in openssl's arguments for a moment: use it where nobody else looks at the machine's processes.
set -eu
key=$(printf %s "${SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
{ printf '%s.%s.' "$1" "$2"; cat; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary |
  { printf 'v1,'; openssl base64 -A; echo; }
