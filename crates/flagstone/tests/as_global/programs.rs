//! What programs are made of, on this heap.

use std::{
    backtrace::Backtrace,
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap, VecDeque},
    fmt::Write,
    hint::black_box,
    panic,
    rc::Rc,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use super::HEAP;

/// Numbers that look random (the finalizer of SplitMix64, after Steele, Lea and Flood, 2014).
fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Words of all lengths, which say which they are.
fn word(n: u64) -> String {
    let mut word = n.to_string();
    word.push_str(&"-".repeat((mixed(n) % 100) as usize));
    word
}

/// Collections that agree with each other.
fn collections(rounds: u64) {
    let mut hashed: HashMap<String, Vec<u64>> = HashMap::new();
    let mut ordered: BTreeMap<String, VecDeque<u64>> = BTreeMap::new();
    for n in 0..rounds {
        let key = mixed(n) % 500;
        hashed.entry(word(key)).or_default().push(n);
        ordered.entry(word(key)).or_default().push_back(n);
        let gone = word(mixed(!n) % 1500);
        let (one, other) = (hashed.remove(&gone), ordered.remove(&gone));
        assert_eq!(one, other.map(Vec::from));
    }
    let mut all: Vec<_> = hashed.into_iter().collect();
    all.sort();
    let others = ordered
        .into_iter()
        .map(|(key, numbers)| (key, numbers.into()));
    assert!(all.into_iter().eq(others));
}

#[test]
fn this_program_uses_the_heap() {
    let before = HEAP.stats();
    let large = black_box(vec![1_u8; 10 << 20]);
    let now = HEAP.stats();
    assert!(now.live() >= large.len() && now.mapped() >= now.live());
    assert!(before.live() > 0, "the harness has something");
    assert!(HEAP.owns(large.as_ptr()) && HEAP.owns(&*Box::new(7)));
    assert!(!HEAP.owns(&before), "the stack is not the heap's");
}

#[test]
fn collections_agree() {
    collections(5000);
}

#[test]
fn collections_agree_in_many_threads() {
    let threads: Vec<_> = (0..8).map(|_| thread::spawn(|| collections(700))).collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
}

#[test]
fn strings_grow() {
    let mut text = String::new();
    for n in 0..50_000 {
        write!(text, "{n},").expect("strings do not fail");
    }
    let numbers = text.trim_end_matches(',').split(',');
    assert!(numbers.map(str::parse).eq((0..50_000).map(Ok::<u32, _>)));
}

#[test]
fn messages_go_round() {
    let (give, take) = mpsc::channel::<Box<[u64]>>();
    let (back, home) = mpsc::sync_channel::<Box<[u64]>>(16);
    let other = thread::spawn(move || {
        for mut message in take {
            message.reverse();
            back.send(message).expect("it is taken");
        }
    });
    let mut sum = 0;
    for n in 0..3000 {
        let len = mixed(n) % 300 + 1;
        give.send((n..n + len).collect()).expect("it is taken");
        let answer = home.recv().expect("it comes back");
        assert_eq!((answer[0], answer.len() as u64), (n + len - 1, len));
        sum += answer.len();
    }
    drop(give);
    other.join().expect("no panic");
    assert!(sum > 3000);
}

#[test]
fn values_are_shared_and_dropped_by_the_last() {
    struct Last(mpsc::Sender<thread::ThreadId>);
    impl Drop for Last {
        fn drop(&mut self) {
            let _ = self.0.send(thread::current().id());
        }
    }
    let (tell, told) = mpsc::channel();
    let shared: Vec<_> = (0..100).map(|_| Arc::new(Last(tell.clone()))).collect();
    drop(tell);
    thread::scope(|scope| {
        for _ in 0..4 {
            let shared = shared.clone();
            scope.spawn(move || drop(shared));
        }
    });
    drop(shared);
    assert_eq!(told.iter().count(), 100);
}

#[test]
fn panics_carry_what_they_own() {
    let silent = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let caught: Vec<_> = (0..50)
        .map(|n| {
            let panicking = move || {
                let _kept = vec![word(n); 20];
                panic!("{}", word(n));
            };
            // Alternately in this thread and in another.
            let payload = match n % 2 {
                0 => panic::catch_unwind(panicking).expect_err("it panics"),
                _ => thread::spawn(panicking).join().expect_err("it panics"),
            };
            *payload.downcast::<String>().expect("a message")
        })
        .collect();
    panic::set_hook(silent);
    assert!(caught.into_iter().eq((0..50).map(word)));
}

#[test]
fn a_backtrace_is_taken() {
    let trace = Backtrace::force_capture().to_string();
    assert!(trace.contains("a_backtrace_is_taken"), "{trace}");
}

/// When its thread ends it allocates, frees, and passes on.
struct Diary {
    words: RefCell<Vec<String>>,
    away: RefCell<Option<mpsc::Sender<Vec<String>>>>,
}

impl Drop for Diary {
    fn drop(&mut self) {
        collections(50);
        let mut words = self.words.take();
        words.push(word(words.len() as u64));
        if let Some(away) = self.away.take() {
            away.send(words).expect("the test waits");
        }
    }
}

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static LAZY: RefCell<Vec<Rc<str>>> = RefCell::new(vec!["first".into()]);
    static DIARY: Diary = const {
        Diary { words: RefCell::new(Vec::new()), away: RefCell::new(None) }
    };
}

#[test]
fn thread_locals_allocate_when_they_end() {
    let (away, home) = mpsc::channel();
    for n in 0..100 {
        let away = away.clone();
        let thread = thread::spawn(move || {
            // Some begin with the diary, some with other locals; some have none.
            if n % 3 == 0 {
                LAZY.with_borrow_mut(|lazy| lazy.push("second".into()));
            }
            if n % 4 > 0 {
                DIARY.with(|diary| {
                    diary.away.replace(Some(away));
                    diary.words.borrow_mut().extend((0..n).map(word));
                });
            }
            COUNT.set(n);
            LAZY.with_borrow_mut(|lazy| lazy.push(word(COUNT.get()).into()));
        });
        thread.join().expect("no panic");
    }
    drop(away);
    let mut diaries: Vec<_> = home.iter().collect();
    diaries.sort_by_key(Vec::len);
    let lengths = diaries.iter().map(|words| words.len() as u64);
    assert!(lengths.eq((0..100).filter(|n| n % 4 > 0).map(|n| n + 1)));
    for words in diaries {
        assert!(
            words
                .into_iter()
                .enumerate()
                .all(|(n, found)| found == word(n as u64))
        );
    }
}

#[test]
fn a_thousand_threads_come_and_go() {
    let kept = Mutex::new(Vec::new());
    for round in 0..100 {
        thread::scope(|scope| {
            for n in 0..10 {
                let kept = &kept;
                scope.spawn(move || {
                    let words: Vec<_> = (0..20).map(|at| word(10 * round + n + at)).collect();
                    let last = words.into_iter().next_back();
                    kept.lock().expect("no panic").extend(last);
                });
            }
        });
    }
    let mut kept = kept.into_inner().expect("no panic");
    kept.sort();
    let mut expected: Vec<_> = (0..1000).map(|n| word(n + 19)).collect();
    expected.sort();
    assert_eq!(kept, expected);
}

#[test]
fn too_much_is_an_error() {
    let mut bytes = Vec::<u8>::new();
    bytes
        .try_reserve_exact(isize::MAX as usize)
        .expect_err("there is no such memory");
    bytes.push(1);
    bytes.try_reserve(1 << 60).expect_err("no more than before");
    assert_eq!(bytes, [1]);
}
