//! The proxy keeps to its budget, changes nothing, and gets stuck on nobody.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use flagstone_proxy::{
    memory::{Budgeted, Memory},
    proxy::Proxy,
};

const MIB: usize = 1 << 20;

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A proxy to `server` within 1 MiB, as long as the test runs.
fn proxy(server: SocketAddr) -> (SocketAddr, Budgeted) {
    let memory = Budgeted::new(MIB, MIB).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listen = (Ipv4Addr::LOCALHOST, 0).into();
    let proxy = Proxy::bind(listen, server, Memory::Budget(memory.clone()));
    let proxy = runtime.block_on(proxy).unwrap();
    let address = proxy.address().unwrap();
    thread::spawn(move || runtime.block_on(proxy.run()));
    (address, memory)
}

/// Until nobody has a block: free ones in caches stay charged, but to no scope.
fn wait_for_release(memory: &Budgeted) {
    let in_use = |memory: &Budgeted| -> usize {
        let seen = memory.blocks().budget().snapshot();
        seen.scopes.iter().map(|scope| scope.charged).sum()
    };
    while in_use(memory) > 0 {
        thread::yield_now();
    }
}

/// Bytes that differ by place and by `number`.
fn text(number: usize, len: usize) -> Vec<u8> {
    let byte = |at: usize| (at.wrapping_mul(0x9E37_79B9) >> 13) as u8;
    (0..len).map(|at| byte(at) ^ number as u8).collect()
}

/// 16 MiB for sinks that take nothing before the budget is used up.
#[test]
fn what_is_charged_stays_within_the_budget_and_all_bytes_arrive() {
    let (sink, server) = listen();
    let (address, memory) = proxy(server);
    let budget = memory.blocks().budget();
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 0..2 {
            scope.spawn(move || {
                let mut source = TcpStream::connect(address).unwrap();
                source.write_all(&[number as u8]).unwrap();
                source.write_all(&text(number, 8 * MIB)).unwrap();
            });
        }
        for mut stream in [(); 2].map(|()| sink.accept().unwrap().0) {
            let done = &done;
            scope.spawn(move || {
                while budget.snapshot().waiting == 0 && done.load(Ordering::Acquire) == 0 {
                    thread::yield_now();
                }
                let mut all = Vec::new();
                stream.read_to_end(&mut all).unwrap();
                assert!(all[1..] == text(all[0].into(), 8 * MIB), "other bytes");
                done.fetch_add(1, Ordering::AcqRel);
            });
        }
        let mut most = 0;
        while done.load(Ordering::Acquire) < 2 {
            most = most.max(budget.charged());
            thread::yield_now();
        }
        assert!(most <= MIB, "{most} bytes were charged");
    });
    // The sinks have all of it before the proxy has seen that they are gone.
    wait_for_release(&memory);
    let seen = budget.snapshot();
    assert_eq!((seen.debt, seen.forced), (0, 0));
    let to_server = seen
        .scopes
        .iter()
        .find(|scope| &*scope.name == "to the server");
    assert!(to_server.unwrap().waits > 0, "the budget was never short");
}

/// What is sent back waits in the same budget as what is sent: neither way has all of it.
#[test]
fn answers_get_through_while_requests_use_up_the_budget() {
    let (listener, server) = listen();
    let (address, memory) = proxy(server);
    let budget = memory.blocks().budget();
    let request = &text(0, 8 * MIB);
    let answered = thread::scope(|scope| {
        let mut stuck = Vec::new();
        for _ in 0..2 {
            let mut source = TcpStream::connect(address).unwrap();
            scope.spawn(move || source.write_all(request).unwrap());
            stuck.push(listener.accept().unwrap().0);
        }
        while budget.snapshot().waiting == 0 {
            thread::yield_now();
        }
        let mut client = TcpStream::connect(address).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let (mut answers, _) = listener.accept().unwrap();
        scope.spawn(move || answers.write_all(request));
        let mut answer = vec![0; request.len()];
        let answered = client.read_exact(&mut answer).map(|()| answer);
        for mut stream in stuck {
            scope.spawn(move || stream.read_to_end(&mut Vec::new()).unwrap());
        }
        answered
    });
    assert!(answered.expect("an answer") == *request, "other bytes");
}

#[test]
fn a_side_that_breaks_releases_everything() {
    let (sink, server) = listen();
    let (address, memory) = proxy(server);
    let mut source = TcpStream::connect(address).unwrap();
    let (mut stream, _) = sink.accept().unwrap();
    source.write_all(&text(0, MIB)).unwrap();
    stream.read_exact(&mut [0; 10]).unwrap();
    drop(stream);
    let broken = loop {
        if let Err(error) = source.write_all(&text(0, MIB)) {
            break error.kind();
        }
    };
    assert!(matches!(
        broken,
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
    ));
    wait_for_release(&memory);
    // And the next one is served.
    let mut source = TcpStream::connect(address).unwrap();
    let (mut stream, _) = sink.accept().unwrap();
    source.write_all(b"next").unwrap();
    drop(source);
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    assert_eq!(all, *b"next");
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flagstone-proxy"));
    command.args(arguments);
    command
}

#[test]
#[cfg(target_os = "linux")]
fn the_scenario_leaves_a_table_and_a_plot() {
    let folder = tempfile::tempdir().unwrap();
    let size = ["--size", "4MiB", "--rate", "1GiB", "--budget", "1MiB"];
    let mut compare = command(&["compare", "--connections", "2", "--out"]);
    let output = compare.arg(folder.path()).args(size).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let table = std::fs::read_to_string(folder.path().join("memory.csv")).unwrap();
    for mode in ["budget", "unbounded"] {
        let last = table.lines().rfind(|line| line.starts_with(mode)).unwrap();
        let fields: Vec<_> = last.split(',').collect();
        assert!(fields[2].parse::<u64>().unwrap() > 0);
        assert_eq!(fields[4], (4 * MIB).to_string());
    }
    let plot = std::fs::read_to_string(folder.path().join("memory.svg")).unwrap();
    assert!(plot.starts_with("<svg") && plot.contains("unbounded"));
}

#[test]
fn what_is_wrong_is_said_in_one_sentence() {
    let (_taken, address) = listen();
    let address = address.to_string();
    for (arguments, said) in [
        (&["run", "--to", "nowhere"][..], "invalid value 'nowhere'"),
        (&["run"], "--to"),
        (
            &["run", "--to", &address, "--listen", &address],
            "cannot listen on",
        ),
        (
            &["run", "--to", &address, "--budget", "1KiB"],
            "is too small",
        ),
        (
            &["run", "--to", &address, "--budget", "many"],
            "invalid value 'many'",
        ),
        (
            &["run", "--to", &address, "--per-connection", "1GiB"],
            "are possible",
        ),
        (&["compare", "--connections", "0"], "1..=256"),
        (&["compare", "--size", "0B"], "nothing for 8 sources"),
        (&["compare", "--rate", "0B"], "never ends"),
        (
            &["compare", "--out", "/proc/nowhere"],
            "cannot be written to",
        ),
    ] {
        let output = command(arguments).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(told.contains(said), "{arguments:?}: {told}");
        assert!(!told.contains("panicked"), "{arguments:?}: {told}");
    }
}
