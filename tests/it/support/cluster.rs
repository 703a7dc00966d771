//! A throwaway Postgres cluster, gone with the process that started it.

use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions, Executor, postgres::PgConnectOptions};

const MISSING: &str = "PostgreSQL's server programs are needed and were not found: install them \
                       (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install \
                       postgresql-server; macOS: brew install postgresql) or put `pg_config` on \
                       the PATH";

/// The folder of the server to test with, as `scripts/test --postgres` sets it. It may hold no client programs.
const SERVER: &str = "MOLTBOT_AUDIT_POSTGRES";

/// Keeps a server running, also when it is killed, and ends it when its standard input closes, which
/// the kernel does however the parent dies.
pub(super) const WATCHDOG: &str = r#"
    folder=$1; signal=$2; shift 2
    (
        while [ ! -e "$folder/stop" ]; do
            "$@" >>"$folder/log" 2>&1 &
            echo $! >"$folder/server"
            wait $!
            sleep 0.05
        done
    ) &
    keeper=$!
    cat >/dev/null
    touch "$folder/stop"
    kill "-$signal" $(cat "$folder/server")
    wait $keeper
    rm -rf "$folder"
"#;

/// Settings for tests that do not pull the plug: commits do not wait for the disk.
const NOT_DURABLE: &[&str] = &["fsync=off", "synchronous_commit=off"];

/// A running server that listens on a Unix socket in a folder of its own.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Where `psql` and its like are.
    clients: PathBuf,
    folder: PathBuf,
    databases: AtomicU32,
    // Holds the pipe that keeps the server alive.
    _watchdog: std::process::Child,
}

impl Cluster {
    /// The cluster that all tests of this process share; each takes a database of its own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(NOT_DURABLE))
    }

    /// Starts a cluster with the server's defaults, apart from `settings` of the form `name=value`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let clients = installed();
        let server = std::env::var_os(SERVER).map_or_else(|| clients.clone(), PathBuf::from);
        Self::of(&server, clients, settings)
    }

    /// Starts the server that came with the client programs: they refuse to dump one of a later version.
    pub(crate) fn start_installed(settings: &[&str]) -> Self {
        let clients = installed();
        Self::of(&clients.clone(), clients, settings)
    }

    fn of(server: &Path, clients: PathBuf, settings: &[&str]) -> Self {
        let folder = fresh_folder();
        let command = |program: &Path| {
            let mut command = Command::new(program);
            as_owner(&mut command, &folder);
            command
        };
        let data = folder.join("data");
        let initdb = command(&server.join("initdb"))
            .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8"])
            .args(["--locale=C", "--pgdata"])
            .arg(&data)
            .output()
            .expect("initdb starts");
        assert!(initdb.status.success(), "initdb failed: {}", text(&initdb.stderr));
        let mut watchdog = command(Path::new("sh"));
        watchdog.args(["-c", WATCHDOG, "sh"]).arg(&folder).arg("QUIT").arg(server.join("postgres"));
        watchdog.arg("-D").arg(&data).arg("-k").arg(&folder).args(["-c", "listen_addresses="]);
        // Each test has a store or two, with a pool each, and all of them run at once.
        watchdog.args(["-c", "max_connections=400"]);
        for setting in settings {
            watchdog.args(["-c", setting]);
        }
        let watchdog = watchdog
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        let databases = AtomicU32::new(0);
        let cluster = Self { clients, folder, databases, _watchdog: watchdog };
        cluster.wait_until_ready();
        cluster
    }

    /// Creates an empty database and returns its URL.
    pub(crate) async fn create_database(&self) -> String {
        let name = format!("fresh_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let options: PgConnectOptions = self.url("postgres").parse().expect("our own URL");
        let mut connection = options.connect().await.expect("the cluster accepts connections");
        connection
            .execute(AssertSqlSafe(format!("create database {name}")))
            .await
            .expect("a new database");
        self.url(&name)
    }

    /// Runs `psql` on a database as a person or another tool would.
    pub(crate) fn psql(&self, url: &str, arguments: &[&str]) -> Output {
        Command::new(self.clients.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set", "ON_ERROR_STOP=1", "--dbname", url])
            .args(arguments)
            .output()
            .expect("psql starts")
    }

    /// Kills the server as a machine that runs out of memory would. It is started again at once.
    pub(crate) fn kill_server(&self) {
        let server = std::fs::read_to_string(self.folder.join("server")).expect("a process id");
        let killed = Command::new("kill").args(["-KILL", server.trim()]).status();
        assert!(killed.expect("kill starts").success(), "there is no server");
        self.wait_until_ready();
    }

    /// Where `psql`, `pg_dump` and `pg_restore` are.
    pub(crate) fn clients(&self) -> &Path {
        &self.clients
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        // A client's text may be cut off within a letter.
        text(&std::fs::read(self.folder.join("log")).expect("the server's log"))
    }

    /// Where its socket is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.display())
    }

    pub(crate) fn wait_until_ready(&self) {
        for _ in 0..6_000 {
            let ready = Command::new(self.clients.join("pg_isready"))
                .arg("--quiet")
                .arg("--host")
                .arg(&self.folder)
                .status();
            if ready.expect("pg_isready starts").success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert!(log.is_empty(), "the server did not start: {log}");
    }
}

/// A folder for a server, which refuses to run as root: it belongs to `postgres` then.
pub(super) fn fresh_folder() -> PathBuf {
    let folder = tempfile::Builder::new()
        .prefix("moltbot-audit-")
        .tempdir()
        .expect("a temporary folder")
        .keep();
    if std::fs::metadata(&folder).expect("our own folder").uid() == 0 {
        chown(&folder, Some(id("-u")), Some(id("-g"))).expect("root may give its folder away");
    }
    folder
}

/// Makes a command run in the folder, as its owner. An interrupt from the keyboard is for us; the
/// server follows through the pipe.
pub(super) fn as_owner<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    let owner = std::fs::metadata(folder).expect("our own folder");
    command.current_dir(folder).process_group(0).uid(owner.uid()).gid(owner.gid())
}

/// The folder of the programs that are installed, server and clients.
fn installed() -> PathBuf {
    let configured = Command::new("pg_config").arg("--bindir").output();
    let configured = configured.ok().map(|output| PathBuf::from(text(&output.stdout).trim()));
    // Debian keeps them off the PATH, by version.
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let installed = versions.flatten().map(|version| version.path().join("bin"));
    configured
        .into_iter()
        .chain(installed)
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
        .expect(MISSING)
}

/// The user or group id of `postgres`, which the server's package creates.
fn id(of: &str) -> u32 {
    let output: io::Result<Output> = Command::new("id").args([of, "postgres"]).output();
    text(&output.expect("id starts").stdout).trim().parse().expect(MISSING)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
