//! A proxy that fails as it is told, before a server that says everything back.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use moltbot_audit::testing::FaultProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// How long a test waits for what is not to come.
const NEVER: Duration = Duration::from_millis(200);
/// How long a test waits for what is to come, on whatever machine.
const AT_LAST: Duration = Duration::from_secs(30);

/// A proxy before an echo, which lives as long as the test's runtime.
async fn proxy() -> FaultProxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = client.split();
                // Where the client is cut off there is nothing to do.
                let _end = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    FaultProxy::start(address).await.expect("a free port")
}

async fn client(proxy: &FaultProxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.expect("the proxy accepts")
}

/// What comes back for `said`: less where the connection is cut.
async fn echo(client: &mut TcpStream, said: &[u8]) -> io::Result<Vec<u8>> {
    let mut heard = vec![0; said.len()];
    let mut len = 0;
    client.write_all(said).await?;
    while len < said.len() {
        match client.read(&mut heard[len..]).await? {
            0 => break,
            read => len += read,
        }
    }
    heard.truncate(len);
    Ok(heard)
}

async fn is_alive(client: &mut TcpStream) -> bool {
    matches!(timeout(AT_LAST, echo(client, b"alive?")).await, Ok(Ok(heard)) if heard == b"alive?")
}

/// A cut shows as an end or as an error, and not as silence.
async fn is_cut(client: &mut TcpStream) -> bool {
    matches!(timeout(AT_LAST, client.read(&mut [0])).await, Ok(Ok(0) | Err(_)))
}

async fn is_silent(client: &mut TcpStream) -> bool {
    client.write_all(b"anybody?").await.expect("it is swallowed");
    timeout(NEVER, client.read(&mut [0])).await.is_err()
}

#[tokio::test]
async fn everything_passes_until_it_is_told_otherwise_and_is_counted() {
    let proxy = proxy().await;
    let said: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let mut client = client(&proxy).await;
    let (mut from, mut to) = client.split();
    let mut heard = Vec::new();
    let (sent, received) = tokio::join!(
        async {
            to.write_all(&said).await?;
            to.shutdown().await
        },
        from.read_to_end(&mut heard)
    );
    sent.expect("it is passed");
    assert_eq!(received.expect("it comes back, and then the end"), said.len());
    assert!(heard == said);
    assert_eq!(proxy.connections(), 1);
    assert_eq!((proxy.bytes_asked(), proxy.bytes_answered()), (1_000_000, 1_000_000));
}

#[tokio::test]
async fn a_cut_ends_the_connections_there_are_and_no_new_ones() {
    let proxy = proxy().await;
    let (mut old, mut idle) = (client(&proxy).await, client(&proxy).await);
    assert!(is_alive(&mut old).await && is_alive(&mut idle).await);
    proxy.cut();
    assert!(is_cut(&mut old).await && is_cut(&mut idle).await);
    assert!(is_alive(&mut client(&proxy).await).await);
    assert_eq!(proxy.connections(), 3);
}

#[tokio::test]
async fn refused_connections_are_closed_and_the_old_ones_cut() {
    let proxy = proxy().await;
    let mut old = client(&proxy).await;
    assert!(is_alive(&mut old).await);
    proxy.refuse();
    assert!(is_cut(&mut old).await);
    for _ in 0..3 {
        assert!(is_cut(&mut client(&proxy).await).await);
    }
    proxy.pass();
    assert!(is_alive(&mut client(&proxy).await).await);
}

#[tokio::test]
async fn a_black_hole_swallows_and_what_lost_something_is_cut_when_it_ends() {
    let proxy = proxy().await;
    let (mut old, mut idle) = (client(&proxy).await, client(&proxy).await);
    assert!(is_alive(&mut old).await && is_alive(&mut idle).await);
    proxy.black_hole();
    let mut new = client(&proxy).await;
    assert!(is_silent(&mut old).await && is_silent(&mut new).await);
    proxy.pass();
    assert!(is_cut(&mut old).await && is_cut(&mut new).await);
    assert!(is_alive(&mut idle).await, "it lost nothing");
}

#[tokio::test]
async fn a_black_hole_swallows_answers_too() {
    let proxy = proxy().await;
    let mut client = client(&proxy).await;
    proxy.delay(Duration::from_hours(1));
    client.write_all(b"question").await.expect("the proxy takes it");
    proxy.black_hole();
    // What was held up falls into it.
    assert!(timeout(NEVER, client.read(&mut [0])).await.is_err());
    assert_eq!((proxy.bytes_asked(), proxy.bytes_answered()), (0, 0));
}

#[tokio::test]
async fn a_delay_holds_each_way_up_and_another_order_ends_it() {
    let proxy = proxy().await;
    let mut client = client(&proxy).await;
    assert!(is_alive(&mut client).await);
    let delay = Duration::from_millis(50);
    proxy.delay(delay);
    let asked = tokio::time::Instant::now();
    assert!(is_alive(&mut client).await);
    assert!(asked.elapsed() >= 2 * delay, "there and back");
    proxy.delay(Duration::from_hours(1));
    assert!(is_silent(&mut client).await);
    proxy.pass();
    let mut held = [0; 8];
    timeout(AT_LAST, client.read_exact(&mut held)).await.expect("soon").expect("it comes back");
    assert_eq!(&held, b"anybody?");
}

#[tokio::test]
async fn an_answer_is_truncated_where_it_is_told_and_then_cut() {
    let proxy = proxy().await;
    for after in [0, 1, 5, 99] {
        let mut client = client(&proxy).await;
        assert!(is_alive(&mut client).await, "what passed before does not count");
        proxy.truncate(after);
        let heard = echo(&mut client, &[7; 100]).await.expect("what passed arrives");
        assert_eq!(u64::try_from(heard.len()), Ok(after));
        assert!(is_cut(&mut client).await);
        proxy.pass();
    }
}

#[tokio::test]
async fn an_answer_that_ends_in_time_is_not_cut() {
    let proxy = proxy().await;
    let mut client = client(&proxy).await;
    proxy.truncate(100);
    assert_eq!(echo(&mut client, &[7; 60]).await.expect("it passes").len(), 60);
    assert_eq!(echo(&mut client, &[7; 60]).await.expect("what passed arrives").len(), 40);
}

#[tokio::test]
async fn a_proxy_that_is_dropped_takes_its_connections_along() {
    let proxy = proxy().await;
    let mut client = client(&proxy).await;
    assert!(is_alive(&mut client).await);
    let address = proxy.address();
    drop(proxy);
    assert!(is_cut(&mut client).await);
    TcpStream::connect(address).await.expect_err("nobody listens");
}

#[tokio::test]
async fn where_nobody_is_behind_it_the_client_is_cut() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = gone.local_addr().expect("an address");
    drop(gone);
    let proxy = FaultProxy::start(address).await.expect("a free port");
    assert!(is_cut(&mut client(&proxy).await).await);
}

#[tokio::test]
async fn another_machine_is_no_upstream() {
    let address: SocketAddr = "192.0.2.1:5432".parse().expect("an address");
    let error = FaultProxy::start(address).await.expect_err("it is not this machine");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
