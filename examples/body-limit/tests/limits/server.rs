//! The server through a connection, and its command line.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::Command,
    thread,
};

use flagstone::blocks::BlockAllocator;
use flagstone_body_limit::{
    layer::{BodyLimitLayer, Limits, WhenFull},
    server::{listen, serve},
};

/// A server as long as the test runs: bodies of 128 KiB, and 256 KiB for all.
fn server() -> (SocketAddr, BlockAllocator) {
    let limits = Limits {
        budget: 256 << 10,
        body: 128 << 10,
        when_full: WhenFull::Refuse,
    };
    let layer = BodyLimitLayer::new(limits).unwrap();
    let blocks = layer.blocks().clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(listen((Ipv4Addr::LOCALHOST, 0).into()));
    let listener = listener.unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || runtime.block_on(serve(listener, layer)));
    (address, blocks)
}

/// One request on a connection of its own: what comes back until it is closed.
fn ask(address: SocketAddr, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("{head}\r\nhost: here\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn requests_come_through_a_connection() {
    let (address, blocks) = server();
    let post = |path: &str, body: &[u8]| {
        let head = format!("POST {path} HTTP/1.1\r\ncontent-length: {}", body.len());
        ask(address, &head, body)
    };
    let answer = post("/sum", b"hello");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("5 bytes, blocks: 1, FNV-1a a430d84680aabd0b\n"));
    let chunked = "POST /echo HTTP/1.1\r\ntransfer-encoding: chunked";
    let answer = ask(address, chunked, b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("hello world"), "{answer}");

    // Who asks first is told before a byte of the body is sent.
    let large = "POST /sum HTTP/1.1\r\ncontent-length: 131073\r\nexpect: 100-continue";
    let answer = ask(address, large, b"");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");

    let body = vec![7; 128 << 10];
    for _ in 0..2 {
        assert!(post("/keep", &body).starts_with("HTTP/1.1 200 "));
    }
    let answer = ask(
        address,
        "POST /keep HTTP/1.1\r\ncontent-length: 10\r\nexpect: 100-continue",
        b"",
    );
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 1"), "{answer}");
    let answer = ask(address, "GET /budget HTTP/1.1", b"");
    assert!(answer.contains("in use       262144\n"), "{answer}");
    let answer = ask(address, "DELETE /keep HTTP/1.1", b"");
    assert!(answer.ends_with("0 bodies are kept\n"), "{answer}");
    assert!(post("/sum", &body).starts_with("HTTP/1.1 200 "));
    assert!(post("/nowhere", b"").starts_with("HTTP/1.1 404 "));
    assert_eq!(blocks.audit().unwrap().in_use, 0);
}

#[test]
fn what_is_wrong_is_said_in_one_sentence() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, said) in [
        (["--listen", "nowhere"], "invalid value 'nowhere'"),
        (["--listen", &taken], "cannot listen on"),
        (["--budget", "much"], "invalid value 'much'"),
        (["--budget", "1KiB"], "not possible"),
        (["--limit", "1GiB"], "does not fit a budget"),
        (["--limit", "0B"], "allows no body"),
        (["--when-full", "panic"], "invalid value 'panic'"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flagstone-body-limit"));
        let output = command.args(arguments).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(told.contains(said), "{arguments:?}: {told}");
        assert!(!told.contains("panicked"), "{arguments:?}: {told}");
    }
}
