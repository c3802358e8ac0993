#!/bin/sh
# All tests, in three parts: those that mostly wait go beside the rest, those that want the machine to themselves last.
# Usage: run_tests.sh PYTHON [arguments of pytest]
set -u
python=$1
shift
# The tests start hundreds of processes: without its cache each compiles everything anew.
unset PYTHONDONTWRITEBYTECODE

run() {
	"$python" -m pytest "$@"
	code=$?
	# Nothing chosen from this part, as with -k.
	[ "$code" = 5 ] || return "$code"
}

beside=$(mktemp)
trap 'rm -f "$beside"' EXIT
trap 'kill "$waiting" 2>/dev/null; exit 130' INT TERM

# The files with a mark are looked up, not collected from all, which takes as long as some of them; none where the
# arguments name files.
marked() {
	mark=$1
	shift
	for each; do
		[ -e "${each%%::*}" ] && return
	done
	grep -rlE "pytest\.mark\.$mark" tests --include='test_*.py'
}

# shellcheck disable=SC2046 - one argument for each file
run -n 2 -m waits $(marked waits "$@") "$@" >"$beside" 2>&1 &
waiting=$!
run -n 2 --dist loadfile --no-loadscope-reorder -m "not alone and not waits" "$@"
first=$?
wait "$waiting"
second=$?
cat "$beside"
[ "$first" = 0 ] && [ "$second" = 0 ] && run -m alone $(marked alone "$@") "$@"
