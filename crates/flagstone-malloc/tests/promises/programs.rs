//! Promise: real programs do with the library what they do without.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::library::{is_here, preload};

/// Longer than any of them takes on a slow machine; who waits for ever has failed.
const SECONDS: &str = "300";

/// What a command said and what it left behind in its folder.
#[derive(Debug, PartialEq, Eq)]
struct Deed {
    output: Output,
    left: Vec<(String, Vec<u8>)>,
}

/// Runs a command in a folder that holds nothing but `files`.
fn run(command: &[&str], files: &[(&str, &str)], kept: &[&str], preloaded: bool) -> Deed {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("the folder is ours");
    }
    let mut run = Command::new("timeout");
    run.arg(SECONDS)
        .args(command)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .env("HOME", folder.path())
        .env("LC_ALL", "C")
        .env("PYTHONHASHSEED", "0")
        .env("PERL_HASH_SEED", "0");
    if preloaded {
        preload(&mut run);
    } else {
        run.env_remove("LD_PRELOAD");
    }
    let output = run.output().expect("every Debian has timeout");
    let left = kept.iter().map(|name| left(folder.path(), name)).collect();
    Deed { output, left }
}

fn left(folder: &Path, name: &str) -> (String, Vec<u8>) {
    let content = fs::read(folder.join(name));
    (name.to_owned(), content.unwrap_or_default())
}

/// The command succeeds, says something, and says and leaves the same without the library.
fn same(command: &[&str], files: &[(&str, &str)], kept: &[&str]) {
    let with = run(command, files, kept, true);
    assert!(with.output.status.success(), "{command:?}: {with:#?}");
    assert!(!with.output.stdout.is_empty(), "{command:?}: {with:#?}");
    let without = run(command, files, kept, false);
    // Whole outputs are too long to be read.
    let (out, err) = (&with.output.stdout, &with.output.stderr);
    assert!(
        without.output.stdout == *out && without.output.stderr == *err,
        "{command:?}: {}\n{}",
        String::from_utf8_lossy(&out[..out.len().min(2000)]),
        String::from_utf8_lossy(err)
    );
    assert!(with.left == without.left, "{command:?} left other files");
    assert!(with.left.iter().all(|(_, content)| !content.is_empty()));
}

#[test]
fn a_shell() {
    let script = "f() { if [ $1 -gt 0 ]; then f $(($1 - 1)); else echo end; fi; }\n\
        f 200\n\
        words=''; i=0\n\
        while [ $i -lt 2000 ]; do words=\"$words word$i\"; i=$((i + 1)); done\n\
        for word in $words; do case $word in *7) echo ${word#word};; esac; done\n\
        for i in 1 2 3 4 5; do (x=$(echo sub $i | tr a-z A-Z); echo \"$x\"); done\n\
        cat <<END | sed s/here/there/\nhere $(f 3)\nEND\n\
        trap 'echo last' EXIT\n";
    same(&["sh", "script"], &[("script", script)], &[]);
    same(&["bash", "script"], &[("script", script)], &[]);
}

#[test]
fn text_tools() {
    let script = "seq 1 30000 | awk '{ print ($1 * 7919) % 30013, \"line\", $1 }' > lines\n\
        sort -n --parallel=4 -S 1M lines | md5sum\n\
        awk '{ count[$1 % 1000] += $3; name[$3] = $0 } END { for (i = 0; i < 1000; i++) print i, count[i]; \
             print length(name) }' lines | sort | tail -n 20\n\
        grep -cE '(1|2+)[0-9]* line .*(55|66)$' lines\n\
        sed -n 's/\\([0-9]*\\) line \\(.*\\)/\\2 \\1/p' lines | sort -k2,2 -u | cksum\n\
        split -l 7000 lines part; ls; cat part* | cmp - lines && echo equal\n\
        tar -cf - part* | gzip -n9 | gzip -d | tar -tf - | wc -l\n\
        find . -name 'part*' -print0 | sort -z | xargs -0 -n 2 -P 1 wc -l\n\
        diff <(head -n 3000 lines) <(tail -n +50 lines | head -n 3000) | md5sum\n";
    same(&["bash", "script"], &[("script", script)], &["lines"]);
}

#[test]
fn a_compiler() {
    let source = "#include <math.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\
        #define TWICE(x) x x\n#define MANY(x) TWICE(TWICE(TWICE(TWICE(TWICE(TWICE(x))))))\n\
        static int steps(long n) { int i = 0; for (; n != 1; i++) n = n % 2 ? 3 * n + 1 : n / 2; return i; }\n\
        int main(void) {\n  char *text = calloc(1, 1), word[32];\n  long sum = 0;\n\
        MANY(sum = sum * 31 + steps(sum % 1000 + 1) + (long)sqrt((double)(sum & 0xffff));\n)\
        for (int i = 1; i < 1000; i++) { sprintf(word, \"%d \", steps(i));\n\
        text = realloc(text, strlen(text) + strlen(word) + 1); strcat(text, word); }\n\
        printf(\"%ld %s\\n\", sum, text); free(text); return 0; }\n";
    let script = "cc -O2 -pipe -frandom-seed=1 -c program.c -o program.o && cc program.o -o program -lm && ./program\n";
    same(
        &["sh", "script"],
        &[("script", script), ("program.c", source)],
        &["program.o", "program"],
    );
}

#[test]
fn perl() {
    if !is_here("perl") {
        return;
    }
    let script = "my %words; my $text = join ' ', map { 'w' . ($_ * 7919 % 5003) } 1..40000;\n\
        $words{$1}++ while $text =~ /(w\\d+)/g;\n\
        print \"$_ $words{$_}\\n\" for (sort { $words{$b} <=> $words{$a} || $a cmp $b } keys %words)[0..50];\n\
        my @rows = map { { id => $_, name => \"n$_\" x ($_ % 9), list => [1..$_ % 30] } } 1..5000;\n\
        @rows = sort { length $a->{name} <=> length $b->{name} or $a->{id} <=> $b->{id} } @rows;\n\
        my $sum = 0; $sum += @{$_->{list}} * $_->{id} for @rows; print \"$sum\\n\";\n\
        my $long = 'x' x 3_000_000; substr($long, 10, 5) = 'y' x 100; print length $long, \"\\n\";\n\
        (my $other = $text) =~ s/w(\\d)(\\d*)/$2$1/g; print unpack('%32C*', $other), \"\\n\";\n\
        my $child = fork // die; if (!$child) { my @more = map { \"$_\" } 1..10000; exit @more % 7 }\n\
        waitpid $child, 0; print $? >> 8, \"\\n\";\n";
    same(&["perl", "script"], &[("script", script)], &[]);
}

#[test]
fn python() {
    if !is_here("python3") {
        return;
    }
    let script = "import json, re, subprocess, sys, threading, zlib, ctypes, array\n\
        rows = [{'id': i, 'name': 'n%d' % (i * 7919 % 5003), 'tags': list(range(i % 20))} for i in range(20000)]\n\
        text = json.dumps(rows)\n\
        assert json.loads(text) == rows\n\
        print(len(text), zlib.crc32(text.encode()), len(zlib.compress(text.encode(), 6)))\n\
        print(sorted({m.group(1) for m in re.finditer(r'\"(n\\d+)\"', text)})[:20])\n\
        def work(k, out):\n    out[k] = sum(len(str(i) * k) for i in range(20000))\n\
        out = {}\n\
        threads = [threading.Thread(target=work, args=(k, out)) for k in range(6)]\n\
        [t.start() for t in threads]; [t.join() for t in threads]\n\
        print(sorted(out.items()))\n\
        big = bytearray(5_000_000); big.extend(b'end' * 1000); del big[:1_000_000]; print(len(big))\n\
        print(array.array('q', range(100000))[-1], 2 ** 20000 % 10 ** 9)\n\
        print(subprocess.run([sys.executable, '-c', 'print(sum(range(1000)))'], capture_output=True).stdout)\n";
    same(&["python3", "script"], &[("script", script)], &[]);
}

#[test]
fn git() {
    if !is_here("git") {
        return;
    }
    let script = "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a \
        GIT_COMMITTER_EMAIL=a@example.org GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'\n\
        set -e\n\
        git init -q -b trunk store; cd store\n\
        for i in 1 2 3 4 5 6; do seq $i $((i * 3000)) > file$i; seq 1 $((i * 1000)) >> shared; git add .; \
        git commit -q -m \"change $i\"; done\n\
        git branch other HEAD~3; git -c pack.threads=4 gc -q; git fsck --strict\n\
        git log --stat --format='%H %s'; git blame -s shared | md5sum; git diff other trunk | md5sum\n\
        git clone -q . ../copy; git -C ../copy rev-parse HEAD\n";
    same(&["sh", "script"], &[("script", script)], &[]);
}

#[test]
fn cargo_and_rustc() {
    let cargo = env::var("CARGO").expect("cargo sets it for tests");
    same(&[&cargo, "--version"], &[], &[]);
    if !is_here("rustc") {
        return;
    }
    let source = "use std::collections::BTreeMap;\n\
        fn main() { let map: BTreeMap<_, _> = (0..1000).map(|n| (n * 7919 % 1009, n.to_string())).collect();\n\
        let threads: Vec<_> = (0..4).map(|k| { let map = map.clone(); \
        std::thread::spawn(move || map.values().filter(|v| v.len() == k).count()) }).collect();\n\
        for thread in threads { println!(\"{}\", thread.join().unwrap()); } }\n";
    // The compiler brings an allocator of its own; what it starts, and what it makes, do not.
    let script = "rustc --edition 2021 -O program.rs -o program && ./program\n";
    // Where a toolchain is found depends on the home folder.
    let home = |name: &str, folder: &str| {
        let default = env::home_dir().unwrap_or_default().join(folder);
        let value = env::var_os(name).unwrap_or(default.into());
        format!("export {name}='{}'\n", value.display())
    };
    let script = home("RUSTUP_HOME", ".rustup") + &home("CARGO_HOME", ".cargo") + script;
    same(
        &["sh", "script"],
        &[("script", &script), ("program.rs", source)],
        &[],
    );
}
