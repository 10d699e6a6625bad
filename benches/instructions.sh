#!/usr/bin/env bash
# Counts the instructions of the hot calls under callgrind and compares them with
# instructions.txt. Instructions do not depend on the load of the machine, so a change of one is a
# change of the code or of the compiler.
#
#   benches/instructions.sh            compare; fails when a count is above its budget
#   benches/instructions.sh --update   write the counts into the budget
#
# Two kinds of lines are in the budget. An event is counted as a whole, per operation, with its loop
# and its values. A call (call/...) is counted by itself, in a function around it, with that
# function's return; its line can have a second budget, of conditional branches that are executed.
#
# Needs valgrind. Floors are counted for the reader, they have no budget.
set -euo pipefail
cd "$(dirname "$0")/.."

budget=benches/instructions.txt
ops=100000
update=false
case "${1-}" in
    '') ;;
    --update) update=true ;;
    *)
        echo "instructions.sh: unknown argument '$1'; only --update is known" >&2
        exit 2
        ;;
esac
if ! command -v valgrind >/dev/null; then
    echo "instructions.sh: valgrind is not installed; install it to count instructions" >&2
    exit 2
fi

cargo build --quiet --package flagstone-benches --bin count --profile bench
count=${CARGO_TARGET_DIR:-target}/release/count
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Instructions and conditional branches per operation of a contender ($2) in an event or call ($1), two
# digits behind the point.
measure() {
    local functions='count::counted*'
    if [[ "$1" == call/* ]]; then
        functions='*::measured_*'
    fi
    valgrind --tool=callgrind --branch-sim=yes --toggle-collect="$functions" \
        --callgrind-out-file="$scratch/out" "$count" "$1" "$2" "$ops" 2>"$scratch/log" || {
        cat "$scratch/log" >&2
        return 1
    }
    # Collected : instructions, conditional branches, of these mispredicted, indirect ones, …
    awk -v ops="$ops" '/Collected :/ && $4 > 0 { printf "%.2f %.2f", $4 / ops, $5 / ops; found = 1 }
        END { exit !found }' "$scratch/log" || {
        echo "instructions.sh: callgrind collected nothing for $2 in $1" >&2
        return 1
    }
}

# Whether the number $1 is above the number $2.
above() {
    awk -v counted="$1" -v allowed="$2" 'BEGIN { exit !(counted > allowed) }'
}

failed=false
: >"$scratch/budget"
line() { printf '%-22s %-28s %9s %9s %9s %9s %9s\n' "$@"; }
line event contender counted budget floor branches budget
while IFS= read -r text; do
    read -r event contender floor allowed branches <<<"$text"
    if [[ -z "$text" || "$text" == '#'* ]]; then
        printf '%s\n' "$text" >>"$scratch/budget"
        continue
    fi
    counted=$(measure "$event" "$contender")
    read -r counted branched <<<"$counted"
    least=-
    if [[ "$floor" != - ]]; then
        least=$(measure "$event" "$floor")
        least=${least% *}
    fi
    line "$event" "$contender" "$counted" "$allowed" "$least" "$branched" "${branches:--}"
    printf '%s\n' "$event $contender $floor $counted${branches:+ $branched}" >>"$scratch/budget"
    if above "$counted" "$allowed" || { [[ -n "$branches" ]] && above "$branched" "$branches"; }; then
        failed=true
    fi
done <"$budget"

if $update; then
    cp "$scratch/budget" "$budget"
elif $failed; then
    echo "instructions.sh: counts above their budget; make the calls cheaper, or raise the" \
        "budget with --update and say why" >&2
    exit 1
fi
