#!/bin/sh
# All tests, in three parts: those that mostly wait go beside the rest, those that want the machine to themselves last.
# Usage: run_tests.sh PYTHON [arguments of pytest]
set -u
python=$1
shift

run() {
	"$python" -m pytest "$@"
	code=$?
	# Nothing chosen from this part, as with -k.
	[ "$code" = 5 ] || return "$code"
}

beside=$(mktemp)
trap 'rm -f "$beside"' EXIT
trap 'kill "$waiting" 2>/dev/null; exit 130' INT TERM

run -n 2 -m waits "$@" >"$beside" 2>&1 &
waiting=$!
run -n 2 --dist loadfile --no-loadscope-reorder -m "not alone and not waits" "$@"
first=$?
wait "$waiting"
second=$?
cat "$beside"
[ "$first" = 0 ] && [ "$second" = 0 ] && run -m alone "$@"
