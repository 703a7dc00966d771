//! A TCP proxy that fails on command.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::order::{Counts, Mode, Order};
use super::relay::relay;

/// The server behind a [`FaultProxy`]; on this machine only.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Upstream {
    /// A loopback address.
    Tcp(SocketAddr),
    /// A Unix socket, as `.s.PGSQL.5432` in the folder of a Postgres server's sockets.
    #[cfg(unix)]
    Unix(PathBuf),
}

impl From<SocketAddr> for Upstream {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

#[cfg(unix)]
impl From<&Path> for Upstream {
    fn from(socket: &Path) -> Self {
        Self::Unix(socket.to_owned())
    }
}

/// Stands in front of a server on this machine, and does to its connections what networks do.
///
/// It passes everything until told otherwise. A command holds for existing and new connections
/// until the next command. When it is dropped, it cuts everything and ends.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use moltbot_audit::testing::FaultProxy;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio::net::{TcpListener, TcpStream};
///
/// let server = TcpListener::bind("127.0.0.1:0").await?; // a database, say
/// let proxy = FaultProxy::start(server.local_addr()?).await?;
/// let mut client = TcpStream::connect(proxy.address()).await?;
/// let (mut answering, _) = server.accept().await?;
///
/// proxy.truncate(3);
/// answering.write_all(b"answer").await?;
/// let mut read = Vec::new();
/// client.read_to_end(&mut read).await?;
/// assert_eq!(read, b"ans");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    order: watch::Sender<Order>,
    counts: Arc<Counts>,
    acceptor: AbortHandle,
}

impl FaultProxy {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if the upstream is not on this machine; otherwise as
    /// listening fails.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn start(upstream: impl Into<Upstream>) -> io::Result<Self> {
        let upstream = upstream.into();
        if let Upstream::Tcp(address) = &upstream
            && !address.ip().is_loopback()
        {
            let message = "the upstream is no loopback address: faults are for this machine only";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (order, orders) = watch::channel(Order { mode: Mode::Pass, number: 0, cuts: 0 });
        let counts = Arc::new(Counts::default());
        let accepting = accept(listener, upstream, orders, Arc::clone(&counts));
        let acceptor = tokio::spawn(accepting).abort_handle();
        Ok(Self { address, order, counts, acceptor })
    }

    /// Where to connect instead of the upstream.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Passes everything on.
    pub fn pass(&self) {
        self.order(Mode::Pass, 0);
    }

    /// Cuts every connection, and closes new ones at once.
    pub fn refuse(&self) {
        self.order(Mode::Refuse, 1);
    }

    /// Cuts every connection, and passes new ones.
    pub fn cut(&self) {
        self.order(Mode::Pass, 1);
    }

    /// Delays each piece of at most 16 KiB by this long, in both directions.
    pub fn delay(&self, by: Duration) {
        self.order(Mode::Delay(by), 0);
    }

    /// Accepts, and swallows everything that is sent in either direction, without an error. When it
    /// ends, it cuts the connections that lost something, because they could never be in step
    /// again.
    pub fn black_hole(&self) {
        self.order(Mode::BlackHole, 0);
    }

    /// Passes this many bytes of the answers of each connection, counted from now on, and cuts it
    /// instead of passing the next byte.
    ///
    /// So the request passes, and with 0 bytes nothing of its answer: the server does what was
    /// asked.
    pub fn truncate(&self, after_bytes: u64) {
        self.order(Mode::Truncate(after_bytes), 0);
    }

    /// How many connections were accepted so far, the refused ones included.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// How many bytes were passed on to the upstream.
    #[must_use]
    pub fn bytes_asked(&self) -> u64 {
        self.counts.asked.load(Ordering::Relaxed)
    }

    /// How many bytes of answers were passed back.
    #[must_use]
    pub fn bytes_answered(&self) -> u64 {
        self.counts.answered.load(Ordering::Relaxed)
    }

    fn order(&self, mode: Mode, cuts: u64) {
        self.order.send_modify(|order| {
            *order = Order { mode, number: order.number + 1, cuts: order.cuts + cuts };
        });
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// Accepts until it is aborted; its connections go with it.
async fn accept(
    listener: TcpListener,
    upstream: Upstream,
    orders: watch::Receiver<Order>,
    counts: Arc<Counts>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else {
                    // A client gone before it was met, or no descriptor left: not at full speed.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    continue;
                };
                counts.connections.fetch_add(1, Ordering::Relaxed);
                let (upstream, orders, counts) = (upstream.clone(), orders.clone(), counts.clone());
                // Read here and not in the task, so that a cut after the accept is seen by it.
                let cuts = orders.borrow().cuts;
                connections.spawn(async move {
                    let until = cut(orders.clone(), cuts);
                    tokio::select! {
                        // Both ends close, or one is away: there is no one to tell.
                        _ = connect(client, &upstream, &orders, &counts) => {}
                        () = until => {}
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Returns when the connections accepted after so many cuts are to go.
async fn cut(mut orders: watch::Receiver<Order>, cuts: u64) {
    // Refused is cut from the start. An error says that the proxy is gone.
    let _gone = orders.wait_for(|order| order.cuts > cuts || order.mode == Mode::Refuse).await;
}

async fn connect(
    client: TcpStream,
    upstream: &Upstream,
    orders: &watch::Receiver<Order>,
    counts: &Counts,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    match upstream {
        Upstream::Tcp(address) => {
            let server = TcpStream::connect(address).await?;
            server.set_nodelay(true)?;
            relay(client, server, orders, counts).await
        }
        #[cfg(unix)]
        Upstream::Unix(socket) => {
            let server = tokio::net::UnixStream::connect(socket).await?;
            relay(client, server, orders, counts).await
        }
    }
}
