#!/bin/sh
# Records the bundled traces anew: recordings/make.sh [COMMAND]
#
# COMMAND is the flagstone command (default: the release build of this checkout). The programs
# that are recorded must be installed; README.md names them. Everything they read is made here,
# in an empty folder, and named without a path, so that the traces do not show where they were
# made.
set -eu
export LC_ALL=C PATH=/usr/bin:/bin GIT_CONFIG_NOSYSTEM=1

here=$(cd "$(dirname "$0")" && pwd)
flagstone=$(realpath "${1:-$here/../target/release/flagstone}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export HOME="$work"

# record NAME PROGRAM ARGS...: one trace of the program alone, which must succeed.
record() {
    name=$1
    shift
    "$flagstone" record --no-children -o "$here/$name.flagtrace" -- "$@" >/dev/null 2>notes
    cat notes
    grep -q 'ended with status 0$' notes && ! grep -q 'recording stopped' notes
}

# Python: JSON, regular expressions, dictionaries, all through malloc instead of its own pools.
cat >words.py <<'PY'
import json, re
lines = [f"{n:04} the quick brown fox no. {n * 7919 % 1009} jumps over {n % 13} dogs" for n in range(700)]
records = json.loads(json.dumps([{"id": n, "words": line.split(), "line": line} for n, line in enumerate(lines)]))
count = {}
for record in records:
    for word in re.findall(r"[a-z]+|\d+", record["line"]):
        count[word] = count.get(word, 0) + 1
print(json.dumps(sorted(count.items(), key=lambda item: (-item[1], item[0]))[:20]))
PY
PYTHONMALLOC=malloc record python-words python3 -S words.py

# Python: two threads parse, a third one takes what they made and drops it.
cat >threads.py <<'PY'
import json, queue, threading
parsed = queue.Queue(64)
def parse(first):
    for n in range(first, first + 350):
        text = json.dumps({"id": n, "tags": [f"tag {n * k % 97}" for k in range(12)], "at": {"x": n / 7, "y": n / 11}})
        parsed.put(json.loads(text))
    parsed.put(None)
def consume():
    ended = 0
    while ended < 2:
        record = parsed.get()
        ended += record is None
threads = [threading.Thread(target=parse, args=(n,)) for n in (0, 5000)] + [threading.Thread(target=consume)]
for thread in threads: thread.start()
for thread in threads: thread.join()
PY
PYTHONMALLOC=malloc record python-threads python3 -S threads.py

# Git: history with patches of a repository of 250 commits.
git init -q repository
cd repository
git config user.name "A. Author"
git config user.email author@example.org
git config gc.auto 0
n=0
while [ $n -lt 250 ]; do
    for file in alpha beta gamma delta; do
        seq $((n * 3)) $((n * 5 + 40)) >$file-$((n % 7)).txt
    done
    git add .
    GIT_AUTHOR_DATE="2026-01-01T00:00:00Z" GIT_COMMITTER_DATE="2026-01-01T00:00:00Z" \
        git commit -q -m "Commit number $n"
    n=$((n + 1))
done
GIT_PAGER=cat record git-log git log --stat --patch
record git-pack-threads git pack-objects --threads=3 --all --stdout </dev/null
cd ..

# The C compiler proper: one file, optimised.
cat >sort.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct node { struct node *left, *right; char key[24]; int count; };
static struct node *insert(struct node *n, const char *key) {
    if (!n) { n = calloc(1, sizeof *n); strncpy(n->key, key, 23); n->count = 1; return n; }
    int c = strcmp(key, n->key);
    if (c < 0) n->left = insert(n->left, key);
    else if (c > 0) n->right = insert(n->right, key);
    else n->count++;
    return n;
}
static void print(const struct node *n) {
    if (n) { print(n->left); printf("%s %d\n", n->key, n->count); print(n->right); }
}
int main(void) {
    struct node *root = 0;
    char word[64];
    while (scanf("%63s", word) == 1) root = insert(root, word);
    print(root);
    return 0;
}
C
gcc -E -P sort.c >sort.i
PATH=$PATH:$(dirname "$(gcc -print-prog-name=cc1)") record c-compiler cc1 -quiet -fpreprocessed -O3 sort.i -o sort.s

# SQLite: a table, an index and joins, in memory.
cat >work.sql <<'SQL'
create table item(id integer primary key, name text, price real, kind integer);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
insert into item select i, 'item number ' || i, (i * 7919 % 1009) / 10.0, i % 37 from n;
create index by_kind on item(kind, price);
select kind, count(*), avg(price), group_concat(substr(name, -4), ' ') from item group by kind;
select a.name, b.name from item a join item b on a.price = b.price and a.id < b.id order by 1 limit 5000;
update item set name = upper(name) where kind % 2;
SQL
record sqlite-queries sqlite3 :memory: ".read work.sql"

# ripgrep: three threads that search two thousand files.
mkdir texts
n=0
while [ $n -lt 2000 ]; do
    seq $n $((n * 2 + 300)) >texts/file-$n.txt
    n=$((n + 1))
done
record ripgrep-threads rg --no-config --threads 3 '(1|3|5)7+[02]' texts
