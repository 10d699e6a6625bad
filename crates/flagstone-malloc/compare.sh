#!/usr/bin/env bash
# Real programs on the C library's heap, on this one, and on those that Debian has: processor time and peak memory,
# as two tables in Markdown.
#
#     crates/flagstone-malloc/compare.sh [ROUNDS [PROGRAM...]]
#
# Takes part what is installed: libmimalloc2.0, libjemalloc2, libtcmalloc-minimal4; python3 is needed, and
# the programs below that are missing are left out. In each round every heap plays once, in an order that
# rotates, so that a machine that becomes slower does so for all. Processor time (user and system) is the least of
# the rounds, and how many times everybody's ours is, the median of the ratios of single rounds; memory is the largest
# resident size of any process of the program, not seen below the 10 MiB of who starts it.
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo build --release --package flagstone-malloc
export FLAGSTONE_LIBRARY=${CARGO_TARGET_DIR:-$PWD/target}/release/libflagstone_malloc.so
exec python3 - "$@" <<'PYTHON'
import glob, math, os, shutil, statistics, sys, tempfile

# Not through `os.path`: the interpreter that is found may be a script that starts another.
PYTHON = sys.executable
PROGRAMS = {
    "python": [PYTHON, "-c", """
import json, random
random.seed(1)
rows = [{'id': i, 'name': 'n%d' % random.randrange(5000), 'tags': list(range(i % 20))} for i in range(150000)]
text = json.dumps(rows)
rows = sorted(json.loads(text), key=lambda row: (row['name'], row['id']))
words = {}
for row in rows: words.setdefault(row['name'], []).append(str(row['tags']))
"""],
    "python-malloc": ["env", "PYTHONMALLOC=malloc", PYTHON, "-c", """
import random
random.seed(1)
keep = {}
for i in range(1500000):
    keep[random.randrange(100000)] = [str(i), (i, i + 1), {'k': i} if i % 8 == 0 else None]
"""],
    "perl": ["perl", "-e", """
srand 1; my (%words, @rows);
for my $i (1..800_000) { my $word = 'w' . int(rand 50_000); $words{$word} .= $i % 10; push @{$rows[$i % 5000]}, "$word $i" }
my $n = 0; for my $row (@rows) { $n += length for sort @{$row || []} } print "$n\\n";
"""],
    "c++": ["g++", "-std=c++17", "-O1", "-x", "c++", "-c", "-o", "/dev/null", "includes.cpp"],
    "sort": ["sort", "-S", "200M", "--parallel=2", "-k2", "lines"],
    "awk": ["awk", "{ count[$1 % 50000] = count[$1 % 50000] $2; } END { for (k in count) n += length(count[k]); print n }", "lines"],
    "sqlite": ["sqlite3", ":memory:", """
create table t (a integer primary key, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 400000)
insert into t select i, hex(i * 7919 % 50021) || i from n;
create index ti on t (b);
select count(*), max(c) from (select group_concat(a) c from t group by substr(b, 1, 4));
"""],
    "lua": ["lua5.4", "-e", """
local words, list = {}, {}
for i = 1, 3000000 do local w = 'w' .. (i * 7919 % 100003); words[w] = (words[w] or 0) + 1
  list[i % 100000 + 1] = { i, w } end
"""],
    "ruby": ["ruby", "-e", """
srand 1; words = Hash.new { |h, k| h[k] = [] }
800_000.times { |i| words["w#{rand 50_000}"] << "x" * (i % 60) }
puts words.sum { |w, l| l.sum(&:size) }
"""],
    "gs": ["gs", "-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=png16m", "-r200", "-sOutputFile=/dev/null", "page.ps"],
    "threads": ["./threads"],
}

LIBRARIES = {"glibc": "", "flagstone": os.environ["FLAGSTONE_LIBRARY"]}
for name, pattern in {"mimalloc": "libmimalloc.so.2", "jemalloc": "libjemalloc.so.2", "tcmalloc": "libtcmalloc_minimal.so.4"}.items():
    found = sorted(glob.glob("/usr/lib/*/" + pattern))
    if found:
        LIBRARIES[name] = found[0]

THREADS = r"""
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
enum { SLOTS = 4096, THREADS = 4 };
static void *slots[SLOTS];
static void *work(void *argument) {
    unsigned state = (unsigned)(size_t)argument;
    for (int i = 0; i < 3000000; i++) {
        state = state * 1664525u + 1013904223u;
        size_t size = state >> 8 & 0xfff, at = state >> 20;
        char *block = malloc(size % (i % 16 ? 256 : 4096) + 1);
        block[0] = 1;
        free(__atomic_exchange_n(&slots[at], block, __ATOMIC_ACQ_REL));
    }
    return NULL;
}
int main(void) {
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, (void *)(i + 1));
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    return 0;
}
"""


def prepare():
    with open("lines", "w") as lines:
        lines.writelines("%d word%d\n" % (i * 7919 % 600011, i * 104729 % 500009) for i in range(600000))
    with open("includes.cpp", "w") as source:
        source.write("#include <bits/stdc++.h>\nint main() { std::map<std::string, std::regex> m; return m.size(); }\n")
    with open("page.ps", "w") as page:
        page.write("%!PS\n/Times-Roman findfont 14 scalefont setfont\n1 1 20 { pop 1 1 48 { dup 15 mul 20 exch moveto "
                   "(line ) show 10 string cvs show ( of text that is shown) show } for showpage } for\n")
    with open("threads.c", "w") as source:
        source.write(THREADS)
    if os.system("cc -O2 -pthread -o threads threads.c") != 0:
        PROGRAMS.pop("threads")


def play(command, library):
    """Seconds of the processor, and MiB at the peak."""
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in 0, 1, 2:
            os.dup2(null, descriptor)
        environment = dict(os.environ)
        environment.pop("LD_PRELOAD", None)
        if library:
            environment["LD_PRELOAD"] = library
        os.execvpe(command[0], command, environment)
    _, status, used = os.wait4(child, 0)
    if status != 0:
        return None
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
chosen = sys.argv[2:] or list(PROGRAMS)
failed = False
# Of each program and heap, what the rounds took.
seconds, peaks = {}, {}
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    prepare()
    for name in chosen:
        command = PROGRAMS.get(name)
        if command is None or shutil.which(command[0]) is None:
            print("compare.sh: %s is not here" % name, file=sys.stderr)
            continue
        seen = {heap: [] for heap in LIBRARIES}
        heaps = list(LIBRARIES)
        for number in range(rounds):
            for heap in heaps[number % len(heaps):] + heaps[:number % len(heaps)]:
                seen[heap].append(play(command, LIBRARIES[heap]))
        for heap, plays in seen.items():
            if None in plays:
                print("compare.sh: %s failed on %s" % (name, heap), file=sys.stderr)
                failed |= heap == "flagstone"
            else:
                seconds.setdefault(name, {})[heap] = [s for s, _ in plays]
                peaks.setdefault(name, {})[heap] = [p for _, p in plays]
    os.chdir("/")


def table(title, values, form):
    """A row for each program, with how many times everybody's ours is, and the geometric means of that."""
    others = [heap for heap in LIBRARIES if heap != "flagstone"]
    print("\n| %s | flagstone | %s | %s |" % (
        title, " | ".join(others), " | ".join("× " + heap for heap in others)))
    print("|---|" + "---:|" * (1 + 2 * len(others)))
    times = {heap: [] for heap in others}
    for name, row in values.items():
        cells = [form % min(row[heap]) if heap in row else "failed" for heap in ["flagstone"] + others]
        for heap in others:
            if heap in row and "flagstone" in row:
                ratios = [ours / theirs for ours, theirs in zip(row["flagstone"], row[heap])]
                times[heap].append(statistics.median(ratios))
                cells.append("%.2f" % times[heap][-1])
            else:
                cells.append("–")
        print("| %s | %s |" % (name, " | ".join(cells)))
    means = ["%.2f" % math.exp(sum(map(math.log, some)) / len(some)) if some else "–" for some in times.values()]
    print("| **geometric mean of ×** |" + " |" * (1 + len(others)) + " %s |" % " | ".join(means))


table("program, seconds of the processor", seconds, "%.3f")
table("program, peak memory in MiB", peaks, "%.1f")
sys.exit(failed)
PYTHON
