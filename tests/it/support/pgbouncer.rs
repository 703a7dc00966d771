//! A throwaway `PgBouncer` in front of the shared cluster, gone with the process that started it.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use super::cluster::{Cluster, WATCHDOG, as_owner, fresh_folder};

const MISSING: &str = "PgBouncer is needed and was not found: install it (Debian, Ubuntu: apt-get \
                       install pgbouncer; Fedora: dnf install pgbouncer; macOS: brew install \
                       pgbouncer) or put it on the PATH";

/// A running pooler that listens on a Unix socket in a folder of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct PgBouncer {
    folder: PathBuf,
    port: u16,
    // Holds the pipe that keeps the pooler alive.
    _watchdog: Child,
}

impl PgBouncer {
    /// Transaction mode, with two server connections for whoever comes.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<PgBouncer> = OnceLock::new();
        SHARED.get_or_init(|| Self::start("transaction", 2))
    }

    /// Starts one with its defaults, apart from the mode, the number of server connections for each
    /// database, and room for many clients.
    pub(crate) fn start(mode: &str, pool_size: usize) -> Self {
        Self::start_on(6432, mode, pool_size, "")
    }

    /// The same, on a port, and with more `settings`, one a line.
    pub(crate) fn start_on(port: u16, mode: &str, pool_size: usize, settings: &str) -> Self {
        let folder = fresh_folder();
        let server = Cluster::shared().folder().display();
        let own = folder.display();
        // Server connections go soon: many databases share the cluster.
        let configuration = format!(
            "[databases]\n* = host={server} user=postgres\n[pgbouncer]\nauth_type = any\n\
             listen_port = {port}\nunix_socket_dir = {own}\npool_mode = {mode}\n\
             default_pool_size = {pool_size}\nmax_client_conn = 500\nserver_idle_timeout = 5\n\
             {settings}\n"
        );
        let file = folder.join("pgbouncer.ini");
        std::fs::write(&file, configuration).expect("our own folder");
        let mut watchdog = Command::new("sh");
        as_owner(&mut watchdog, &folder)
            .args(["-c", WATCHDOG, "sh"])
            .arg(&folder)
            .arg("TERM")
            .arg(program())
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let watchdog = watchdog.spawn().expect("sh starts");
        let pooler = Self { folder, port, _watchdog: watchdog };
        pooler.wait_until_ready();
        pooler
    }

    /// The URL under which a database of the cluster is reached through here.
    pub(crate) fn url(&self, direct: &str) -> String {
        let (place, _) = direct.split_once('?').expect("a URL of the cluster");
        format!("{place}?host={}&port={}", self.folder.display(), self.port)
    }

    fn wait_until_ready(&self) {
        let socket = self.folder.join(format!(".s.PGSQL.{}", self.port));
        for _ in 0..6_000 {
            if UnixStream::connect(&socket).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("the pooler did not start: {log}");
    }
}

fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps it with the programs of the system.
    std::env::split_paths(&path)
        .chain([Path::new("/usr/sbin").to_owned()])
        .map(|folder| folder.join("pgbouncer"))
        .find(|program| program.exists())
        .expect(MISSING)
}
