#!/bin/sh
# Checks a webhook: SECRET=… sh verify.sh ID TIMESTAMP SIGNATURE < body; exit 0 where it is genuine, 1 where not.
set -eu
age=$(($(date +%s) - $2))
[ "${age#-}" -le 300 ] || { echo 'too old, or from the future' >&2; exit 1; }
expected=$(sh "$(dirname "$0")/signature.sh" "$1" "$2")
case " $3 " in
  *" $expected "*) echo 'genuine' ;;
  *) echo 'signature does not match' >&2; exit 1 ;;
esac
