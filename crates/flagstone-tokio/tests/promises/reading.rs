//! An idle connection holds no block, and no byte is lost, whatever is dropped when.

use std::{
    cell::Cell,
    io::{self, ErrorKind},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use flagstone::blocks::{Block, BlockAllocator, BudgetErrorKind};
use flagstone_tokio::{ReadError, Readable, read_pooled, read_pooled_in};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream, UnixStream, unix::pipe},
    task::yield_now,
};

use super::{layout, runtime};

const ALL: usize = 64 << 10;

/// Both ends of a connection.
async fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // The system accepts before the program does.
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let client = client.await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

/// What a future that is polled in a task would be.
async fn is_pending<T>(future: impl Future<Output = T>) -> bool {
    let mut future = pin!(future);
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

fn budget_kind(error: &ReadError) -> Option<BudgetErrorKind> {
    error.block()?.budget().map(|error| error.kind())
}

/// So many connections, or fewer if the system does not allow a process two descriptors for each.
fn as_many_as(wanted: usize) -> usize {
    let allowed = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
    (allowed.saturating_sub(400) / 2).min(wanted)
}

#[test]
fn idle_connections_hold_nothing() {
    let connections = as_many_as(10_000);
    runtime().block_on(async {
        let blocks = BlockAllocator::new(ALL);
        let (mut clients, mut tasks) = (Vec::new(), Vec::new());
        // Whether all of the budget is there or none of it: in both cases nobody holds or waits.
        let mut held = None;
        for number in 0..connections {
            if number == connections / 2 {
                settle().await;
                blocks.trim();
                held = blocks.try_alloc(layout(ALL)).ok();
            }
            // Few of the network's: each of those takes two ports, for a minute longer than it lives.
            let (client, server) = connection(usize::from(number % 16 == 0)).await;
            clients.push(client);
            let blocks = blocks.clone();
            tasks.push(tokio::spawn(async move {
                let mut seen = Vec::new();
                while let Some(block) = server.read(&blocks).await.unwrap() {
                    seen.extend_from_slice(&block);
                }
                seen
            }));
        }
        settle().await;
        let budget = blocks.budget().snapshot();
        assert_eq!((budget.waiting, budget.charged), (0, ALL));
        assert_eq!(blocks.audit().unwrap().in_use, ALL);
        assert!(held.take().is_some());
        blocks.trim();
        assert_eq!(blocks.budget().charged(), 0);

        // Of blocks of this size the budget has four.
        let text: Vec<u8> = (0..40_000_u32).map(|byte| byte as u8).collect();
        for client in &mut clients {
            client.write(&text[..100]).await;
        }
        for client in &mut clients[..4] {
            client.write(&text).await;
        }
        drop(clients);
        for (number, task) in tasks.into_iter().enumerate() {
            let seen = task.await.unwrap();
            assert_eq!(seen[..100], text[..100]);
            assert_eq!(&seen[100..], if number < 4 { &text[..] } else { &[] });
        }
        assert_eq!(blocks.audit().unwrap().in_use, 0);
        let budget = blocks.budget().snapshot();
        assert_eq!((budget.waiting, budget.unclaimed, budget.forced), (0, 0, 0));
    });
}

/// Lets all tasks go as far as they go by themselves: what was accepted counts as readable at first.
async fn settle() {
    for _ in 0..4 {
        yield_now().await;
    }
}

/// One end of a connection of either kind.
enum End {
    Tcp(TcpStream),
    Unix(UnixStream),
}

async fn connection(number: usize) -> (End, End) {
    if number.is_multiple_of(2) {
        let (client, server) = UnixStream::pair().unwrap();
        return (End::Unix(client), End::Unix(server));
    }
    let (client, server) = tcp().await;
    (End::Tcp(client), End::Tcp(server))
}

impl End {
    async fn read(&self, blocks: &BlockAllocator) -> Result<Option<Block>, ReadError> {
        match self {
            Self::Tcp(socket) => read_pooled(socket, blocks, ALL / 4).await,
            Self::Unix(socket) => read_pooled(socket, blocks, ALL / 4).await,
        }
    }

    async fn write(&mut self, bytes: &[u8]) {
        let written = match self {
            Self::Tcp(socket) => socket.write_all(bytes).await,
            Self::Unix(socket) => socket.write_all(bytes).await,
        };
        written.unwrap();
    }
}

#[test]
fn a_short_budget_holds_the_peer_back() {
    runtime().block_on(async {
        let blocks = BlockAllocator::new(ALL);
        let all = blocks.try_alloc(layout(ALL)).unwrap();
        let (mut client, server) = tcp().await;
        client.write_all(b"first").await.unwrap();
        let reader = blocks.clone();
        let reading = tokio::spawn(async move {
            let block = read_pooled(&server, &reader, 4096).await;
            (block, server)
        });
        while blocks.budget().snapshot().waiting == 0 {
            yield_now().await;
        }
        assert!(!reading.is_finished());
        drop(all);
        let (block, server) = reading.await.unwrap();
        assert_eq!(*block.unwrap().unwrap(), *b"first");

        // A task that is stopped while it waits for the budget takes nothing along.
        let all = blocks.try_alloc(layout(ALL)).unwrap();
        client.write_all(b"second").await.unwrap();
        let server = Arc::new(server);
        let (reader, socket) = (blocks.clone(), Arc::clone(&server));
        let reading = tokio::spawn(async move {
            let read = read_pooled(&*socket, &reader, 4096).await;
            read.map(|block| block.is_some())
        });
        while blocks.budget().snapshot().waiting == 0 {
            yield_now().await;
        }
        reading.abort();
        assert!(reading.await.unwrap_err().is_cancelled());
        assert_eq!(blocks.budget().snapshot().waiting, 0);
        drop(all);
        let block = read_pooled(&*server, &blocks, 4096).await;
        assert_eq!(*block.unwrap().unwrap(), *b"second");
    });
}

#[test]
fn a_read_may_be_dropped_at_any_poll() {
    runtime().block_on(async {
        let blocks = BlockAllocator::new(ALL);
        let (one, mut other) = UnixStream::pair().unwrap();
        for round in 0..20_u8 {
            for _ in 0..round % 4 {
                assert!(is_pending(read_pooled(&one, &blocks, 100)).await);
            }
            assert_eq!(blocks.snapshot().in_use, 0);
            let held = blocks.try_alloc(layout(ALL)).unwrap();
            other.write_all(&[round; 7]).await.unwrap();
            one.readable().await.unwrap();
            for _ in 0..round % 3 {
                assert!(is_pending(read_pooled(&one, &blocks, 100)).await);
            }
            drop(held);
            // Less than is there: the rest is for the next.
            let first = read_pooled(&one, &blocks, 3).await.unwrap().unwrap();
            let rest = read_pooled(&one, &blocks, 100).await.unwrap().unwrap();
            assert_eq!((&*first, &*rest), (&[round; 3][..], &[round; 4][..]));
        }
        assert_eq!(blocks.audit().unwrap().in_use, 0);
    });
}

#[test]
fn the_end_is_none_and_a_broken_connection_an_error() {
    runtime().block_on(async {
        let blocks = BlockAllocator::new(ALL);
        let (client, server) = tcp().await;
        client.try_write(b"last words").unwrap();
        drop(client);
        let last = read_pooled(&server, &blocks, 100).await.unwrap().unwrap();
        assert_eq!(*last, *b"last words");
        for _ in 0..2 {
            assert!(read_pooled(&server, &blocks, 100).await.unwrap().is_none());
        }

        // Closed with bytes that nobody read: the peer is told so.
        let (client, server) = tcp().await;
        server.writable().await.unwrap();
        server.try_write(b"unread").unwrap();
        client.readable().await.unwrap();
        drop(client);
        let broken = read_pooled(&server, &blocks, 100).await.unwrap_err();
        let kind = broken.socket().map(io::Error::kind);
        assert_eq!(kind, Some(ErrorKind::ConnectionReset));
        assert_eq!(io::Error::from(broken).kind(), ErrorKind::ConnectionReset);

        let (sender, receiver) = pipe::pipe().unwrap();
        sender.writable().await.unwrap();
        sender.try_write(b"piped").unwrap();
        let piped = read_pooled(&receiver, &blocks, 100).await.unwrap().unwrap();
        assert_eq!(*piped, *b"piped");
        drop(sender);
        assert!(
            read_pooled(&receiver, &blocks, 100)
                .await
                .unwrap()
                .is_none()
        );

        drop((last, piped));
        assert_eq!(blocks.audit().unwrap().in_use, 0);
    });
}

#[test]
fn what_cannot_be_read_is_refused_before_anything_is_waited_for() {
    let blocks = BlockAllocator::new(ALL);
    let (never, context) = (Never, &mut Context::from_waker(Waker::noop()));
    let mut refusal = |most| match pin!(read_pooled(&never, &blocks, most)).poll(context) {
        Poll::Ready(read) => read.unwrap_err(),
        Poll::Pending => panic!("it waits"),
    };
    for most in [0, usize::MAX] {
        let refused = refusal(most);
        let kind = refused.socket().map(io::Error::kind);
        assert_eq!(kind, Some(ErrorKind::InvalidInput));
    }
    let refused = refusal(ALL + 1);
    assert!(refused.block().unwrap().is_too_large());
    assert_eq!(io::Error::from(refused).kind(), ErrorKind::OutOfMemory);
}

/// Nothing ever comes.
struct Never;

impl Readable for Never {
    fn readable(&self) -> impl Future<Output = io::Result<()>> + Send {
        std::future::pending()
    }

    fn try_read(&self, _: &mut Block) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

#[test]
fn the_end_and_errors_are_found_without_a_block() {
    runtime().block_on(async {
        let blocks = BlockAllocator::new(ALL);
        let held = blocks.try_alloc(layout(ALL)).unwrap();
        for number in 0..2 {
            let (client, server) = connection(number).await;
            drop(client);
            assert!(server.read(&blocks).await.unwrap().is_none());
        }
        let (client, server) = tcp().await;
        server.writable().await.unwrap();
        server.try_write(b"unread").unwrap();
        client.readable().await.unwrap();
        drop(client);
        let broken = read_pooled(&server, &blocks, 100).await.unwrap_err();
        assert!(broken.socket().is_some());
        assert_eq!(blocks.budget().snapshot().waiting, 0);
        drop(held);
    });
}

#[test]
fn a_closed_budget_is_an_error_and_leaves_the_bytes() {
    runtime().block_on(async {
        let blocks = BlockAllocator::new(ALL);
        let (one, mut other) = UnixStream::pair().unwrap();
        other.write_all(b"bytes").await.unwrap();
        blocks.close();
        let refused = read_pooled(&one, &blocks, 100).await.unwrap_err();
        assert_eq!(budget_kind(&refused), Some(BudgetErrorKind::Closed));
        let mut left = [0; 5];
        assert_eq!(one.try_read(&mut left).unwrap(), 5);
    });
}

#[test]
fn a_scope_pays_for_what_is_read_in_it() {
    runtime().block_on(async {
        let blocks = BlockAllocator::new(ALL);
        let scope = blocks.budget().scope("peer").limit(8192).build().unwrap();
        let (one, mut other) = UnixStream::pair().unwrap();
        other.write_all(&[1; 20_000]).await.unwrap();
        let first = read_pooled_in(&one, &blocks, &scope, 4096).await.unwrap();
        let second = read_pooled_in(&one, &blocks, &scope, 4096).await.unwrap();
        assert_eq!((scope.charged(), blocks.budget().charged()), (8192, 8192));
        {
            // It has its limit, and others have theirs.
            assert!(is_pending(read_pooled_in(&one, &blocks, &scope, 4096)).await);
            let (third, mut fourth) = UnixStream::pair().unwrap();
            fourth.write_all(b"others").await.unwrap();
            assert!(read_pooled(&third, &blocks, 4096).await.unwrap().is_some());
        }
        drop(first);
        assert!(read_pooled_in(&one, &blocks, &scope, 4096).await.is_ok());
        drop(second);
        assert_eq!(scope.charged(), 0);
    });
}

/// Says that there is something before there is, some times, and looks at who holds what meanwhile.
struct Hasty<'b> {
    blocks: &'b BlockAllocator,
    left: Cell<usize>,
}

impl Readable for Hasty<'_> {
    fn readable(&self) -> impl Future<Output = io::Result<()>> + Send {
        assert_eq!(self.blocks.snapshot().in_use, 0, "held while it waits");
        async { Ok(()) }
    }

    fn try_read(&self, block: &mut Block) -> io::Result<usize> {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        match left {
            0 => {
                block.write(0, b"at last").unwrap();
                Ok(7)
            }
            1 => Err(ErrorKind::Interrupted.into()),
            _ => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

#[test]
fn a_socket_that_was_not_ready_keeps_no_block() {
    runtime().block_on(async {
        let blocks = BlockAllocator::new(ALL);
        let left = Cell::new(10);
        let socket = Hasty {
            blocks: &blocks,
            left,
        };
        let block = read_pooled(&socket, &blocks, 100).await.unwrap().unwrap();
        assert_eq!(*block, *b"at last");
    });
}

#[test]
fn reads_can_be_sent() {
    fn sent<T: Send>(future: T) -> T {
        future
    }
    runtime().block_on(async {
        let blocks = BlockAllocator::new(ALL);
        let (one, _other) = UnixStream::pair().unwrap();
        let scope = blocks.budget().scope("scope").build().unwrap();
        drop(sent(read_pooled(&one, &blocks, 100)));
        drop(sent(read_pooled_in(&&one, &blocks, &scope, 100)));
    });
}
