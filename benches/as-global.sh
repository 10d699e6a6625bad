#!/usr/bin/env bash
# Runs ordinary Rust programs on each allocator as the global one, in turn, and prints a table in
# Markdown: nanoseconds per operation (the median over the rounds of the fastest run of a process), how
# many times everybody's time ours takes, and the most memory that was resident.
#
#   benches/as-global.sh             9 rounds, about a minute and what it takes to compile
#   benches/as-global.sh 25          so many rounds
#
# Needs Linux, make, and a compiler of C++20.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1-9}
if [[ $# -gt 1 || ! "$rounds" =~ ^[1-9][0-9]*$ ]]; then
    echo "as-global.sh: expected at most a number of rounds, not '$*'" >&2
    exit 2
fi
allocators=(flagstone system mimalloc jemalloc snmalloc rusty_alloc)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for allocator in "${allocators[@]}"; do
    features=()
    if [[ "$allocator" != system ]]; then
        features=(--features "$allocator")
    fi
    cargo build --quiet --package flagstone-as-global --profile bench "${features[@]}"
    cp "${CARGO_TARGET_DIR:-target}/release/as-global" "$scratch/$allocator"
done

mapfile -t programs < <("$scratch/system")
for ((round = 0; round < rounds; round++)); do
    for program in "${programs[@]}"; do
        # Every other round goes backwards, so that nobody always follows the same one.
        for ((turn = 0; turn < ${#allocators[@]}; turn++)); do
            at=$((round % 2 == 0 ? turn : ${#allocators[@]} - 1 - turn))
            allocator=${allocators[at]}
            echo "$round $program $allocator $("$scratch/$allocator" "$program")"
        done
    done
done >"$scratch/times"

awk -v programs="${programs[*]}" -v allocators="${allocators[*]}" -v rounds="$rounds" '
    # The median of the numbers 1 to n of a list.
    function median(list, n,    i, j, kept) {
        for (i = 2; i <= n; i++) {
            kept = list[i]
            for (j = i - 1; j >= 1 && list[j] > kept; j--) list[j + 1] = list[j]
            list[j + 1] = kept
        }
        return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
    }
    function median_of(values, program, allocator,    i, list) {
        for (i = 0; i < rounds; i++) list[i + 1] = values[i, program, allocator]
        return median(list, rounds)
    }
    # Of the ratios of single rounds: a machine that is slow for a while is slow for both.
    function times(values, program, allocator,    i, list) {
        for (i = 0; i < rounds; i++)
            list[i + 1] = values[i, program, ours] / values[i, program, allocator]
        return median(list, rounds)
    }
    function header(title,    a) {
        printf "\n| %s |", title
        for (a = 1; a <= rivals; a++) printf " `%s` |", name[a]
        printf " best rival | × best rival | × `mimalloc` |\n|---|"
        for (a = 1; a <= rivals; a++) printf "---:|"
        print "---|---:|---:|"
    }
    # A row for each program, and the geometric means of our ratios.
    function table(title, values, form, unit,    p, a, best, least, value, x, sum, best_sum) {
        header(title)
        for (p = 1; p <= count; p++) {
            printf "| %s |", program[p]
            best = ""
            for (a = 1; a <= rivals; a++) {
                value = median_of(values, program[p], name[a])
                printf form, value / unit
                if (a > 1 && (best == "" || value < least)) { best = name[a]; least = value }
                if (a > 1) sum[a] += log(times(values, program[p], name[a]))
            }
            x = times(values, program[p], best)
            best_sum += log(x)
            printf " `%s` | %.2f | %.2f |\n", best, x, times(values, program[p], "mimalloc")
        }
        printf "| **geometric mean of ×** | |"
        for (a = 2; a <= rivals; a++) {
            printf " %.2f |", exp(sum[a] / count)
            if (name[a] == "mimalloc") x = exp(sum[a] / count)
        }
        printf " | %.2f | %.2f |\n", exp(best_sum / count), x
    }
    { nanos[$1, $2, $3] = $4; peak[$1, $2, $3] = $5 }
    END {
        count = split(programs, program, " ")
        rivals = split(allocators, name, " ")
        ours = name[1]
        table("program, ns per operation", nanos, " %.2f |", 1)
        table("program, peak memory in MiB", peak, " %.1f |", 1024)
    }
' "$scratch/times"
