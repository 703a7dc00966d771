//! What happens to the bytes of one connection.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use super::order::{Counts, Mode, Order};

/// Largest piece that is under way in one direction of a connection.
const PIECE_MAX_LEN: usize = 16 * 1024;

/// Relays between the two until both have said all, or one of them is to go.
pub(super) async fn relay<C, S>(
    client: C,
    server: S,
    orders: &watch::Receiver<Order>,
    counts: &Counts,
) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite,
    S: AsyncRead + AsyncWrite,
{
    let (from_client, to_client) = tokio::io::split(client);
    let (from_server, to_server) = tokio::io::split(server);
    let asked = Direction::new(Side::Question, orders, &counts.asked);
    let answered = Direction::new(Side::Answer, orders, &counts.answered);
    let both =
        tokio::try_join!(asked.run(from_client, to_server), answered.run(from_server, to_client));
    both.map(|_| ())
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Answer,
    Question,
}

struct Direction<'a> {
    side: Side,
    orders: watch::Receiver<Order>,
    /// The order that `passed` counts under.
    number: u64,
    passed: u64,
    count: &'a AtomicU64,
}

impl<'a> Direction<'a> {
    fn new(side: Side, orders: &watch::Receiver<Order>, count: &'a AtomicU64) -> Self {
        let number = orders.borrow().number;
        Self { side, orders: orders.clone(), number, passed: 0, count }
    }

    async fn run(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut buffer = vec![0; PIECE_MAX_LEN];
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                return to.shutdown().await;
            }
            let piece = &buffer[..read];
            match self.mode_for_a_piece().await {
                Mode::Truncate(max) if self.side == Side::Answer => {
                    let rest = max.saturating_sub(self.passed);
                    let rest = usize::try_from(rest).unwrap_or(usize::MAX);
                    self.pass(&mut to, &piece[..read.min(rest)]).await?;
                    if read > rest {
                        return Err(io::ErrorKind::ConnectionAborted.into());
                    }
                }
                Mode::BlackHole => return self.swallow(from, buffer).await,
                // The accepting task cuts refused connections.
                Mode::Delay(_) | Mode::Pass | Mode::Refuse | Mode::Truncate(_) => {
                    self.pass(&mut to, piece).await?;
                }
            }
        }
    }

    /// The order in force, after the delay it asks for; another order ends a delay.
    async fn mode_for_a_piece(&mut self) -> Mode {
        loop {
            let order = *self.orders.borrow_and_update();
            if order.number != self.number {
                (self.number, self.passed) = (order.number, 0);
            }
            let Mode::Delay(by) = order.mode else { return order.mode };
            if tokio::time::timeout(by, self.orders.changed()).await.is_err() {
                return order.mode;
            }
        }
    }

    async fn pass(&mut self, to: &mut (impl AsyncWrite + Unpin), piece: &[u8]) -> io::Result<()> {
        to.write_all(piece).await?;
        let len = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.passed += len;
        self.count.fetch_add(len, Ordering::Relaxed);
        Ok(())
    }

    /// Having lost a piece, a connection can never be in step again: it ends with the black hole, or
    /// when its side closes.
    async fn swallow(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut buffer: Vec<u8>,
    ) -> io::Result<()> {
        loop {
            tokio::select! {
                read = from.read(&mut buffer) => {
                    if read? == 0 {
                        break;
                    }
                }
                _ = self.orders.changed() => {
                    if self.orders.borrow().mode != Mode::BlackHole {
                        break;
                    }
                }
            }
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}
