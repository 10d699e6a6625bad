#!/usr/bin/env bash
# Counts the instructions of the hot calls under callgrind and compares them with
# instructions.txt. Instructions do not depend on the load of the machine, so a change of one is a
# change of the code or of the compiler.
#
#   benches/instructions.sh            compare; fails when a count is above its budget
#   benches/instructions.sh --update   write the counts into the budget
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

# Instructions per operation of a contender ($2) in an event ($1), two digits behind the point.
measure() {
    valgrind --tool=callgrind --toggle-collect='count::counted*' \
        --callgrind-out-file="$scratch/out" "$count" "$1" "$2" "$ops" 2>"$scratch/log" || {
        cat "$scratch/log" >&2
        return 1
    }
    awk -v ops="$ops" '/Collected/ { printf "%.2f", $NF / ops; found = 1 } END { exit !found }' \
        "$scratch/log" || {
        echo "instructions.sh: callgrind collected nothing for $2 in $1" >&2
        return 1
    }
}

failed=false
: >"$scratch/budget"
printf '%-28s %-32s %9s %9s %9s\n' event contender counted budget floor
while IFS= read -r line; do
    read -r event contender floor allowed <<<"$line"
    if [[ -z "$line" || "$line" == '#'* ]]; then
        printf '%s\n' "$line" >>"$scratch/budget"
        continue
    fi
    counted=$(measure "$event" "$contender")
    least=$(measure "$event" "$floor")
    printf '%-28s %-32s %9s %9s %9s\n' "$event" "$contender" "$counted" "$allowed" "$least"
    printf '%s %s %s %s\n' "$event" "$contender" "$floor" "$counted" >>"$scratch/budget"
    if awk -v counted="$counted" -v allowed="$allowed" 'BEGIN { exit !(counted > allowed) }'; then
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
