//! A real S3 server: SeaweedFS from its package on PyPI, which `scripts/setup test` installs.
//!
//! One server per test binary, one prefix per test. Objects lie in a temporary directory. The server ends with its test
//! binary, however that ends: a small shell outside the binary waits for the end of a pipe that the binary holds, then
//! stops the server and removes the directory. A missing program fails the test with the words to install it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{S3Config, S3Credentials, Store};

const BUCKET: &str = "tidegate";
const ACCESS_KEY: &str = "tidegate-tests";
/// The server refuses other keys; no log may ever hold it.
const SECRET_KEY: &str = "canary-s3-secret-7Qk";
const START_LIMIT: Duration = Duration::from_secs(20);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// The S3 server of this test binary.
#[derive(Debug)]
pub struct Seaweed {
    port: u16,
    /// The shell that cleans up. The binary holds the other end of its input for life; its end is the sign to stop.
    _guard: Child,
}

impl Seaweed {
    /// Returns the server, starting it at the first call.
    ///
    /// # Panics
    /// If SeaweedFS is not installed or does not start; the text says what to do.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Seaweed> = OnceCell::const_new();
        SHARED
            .get_or_init(|| async {
                tokio::task::spawn_blocking(Self::start)
                    .await
                    .expect("a started server")
            })
            .await
    }

    /// Returns the settings of an empty store: a prefix that nobody else has.
    pub fn config(&self) -> S3Config {
        let place = format!("s3://{BUCKET}/{}", Uuid::new_v4());
        let mut config = S3Config::parse(&place).expect("a bucket and a prefix");
        config.endpoint = Some(self.endpoint());
        config.credentials = Some(S3Credentials {
            access_key_id: ACCESS_KEY.to_owned(),
            secret_access_key: SecretString::from(SECRET_KEY),
            session_token: None,
        });
        config
    }

    /// Opens an empty store.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn store(&self) -> Store {
        Store::open_s3(&self.config()).await.expect("a store")
    }

    /// Returns the server's address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn start() -> Self {
        let program = find_program();
        // Free ports are free until somebody takes them: try again.
        for _ in 0..3 {
            if let Some(server) = Self::try_start(&program) {
                return server;
            }
        }
        panic!("SeaweedFS does not start: {}", program.display());
    }

    fn try_start(program: &Path) -> Option<Self> {
        let directory = tempfile::Builder::new()
            .prefix("tidegate-s3-")
            .tempdir_in("/tmp")
            .expect("a temporary directory")
            .keep();
        let identities = directory.join("identities.json");
        put(
            &identities,
            &format!(
                r#"{{"identities":[{{"name":"tests","actions":["Admin","Read","Write","List","Tagging"],"credentials":[{{"accessKey":"{ACCESS_KEY}","secretKey":"{SECRET_KEY}"}}]}}]}}"#
            ),
        );
        let ports = free_ports();
        let [
            master,
            master_grpc,
            volume,
            volume_grpc,
            filer,
            filer_grpc,
            s3,
            s3_grpc,
        ] = ports;
        let arguments = [
            "server".to_owned(),
            format!("-dir={}", directory.display()),
            "-ip=127.0.0.1".to_owned(),
            "-ip.bind=127.0.0.1".to_owned(),
            format!("-master.port={master}"),
            format!("-master.port.grpc={master_grpc}"),
            "-master.telemetry=false".to_owned(),
            "-master.volumeSizeLimitMB=128".to_owned(),
            "-master.volumePreallocate=false".to_owned(),
            format!("-volume.port={volume}"),
            format!("-volume.port.grpc={volume_grpc}"),
            "-volume.max=100".to_owned(),
            format!("-filer.port={filer}"),
            format!("-filer.port.grpc={filer_grpc}"),
            "-s3".to_owned(),
            format!("-s3.port={s3}"),
            format!("-s3.port.grpc={s3_grpc}"),
            "-s3.port.iceberg=0".to_owned(),
            "-s3.iam=false".to_owned(),
            format!("-s3.config={}", identities.display()),
        ];
        let guard = guard(program, &directory, &arguments);
        let server = Self {
            port: s3,
            _guard: guard,
        };
        let bucket = format!("/buckets/{BUCKET}/");
        let warm = format!("{bucket}warm");
        let is_up = wait_for(|| ask(s3, "GET", "/status", ""))
            // Making the bucket twice is refused, so it is asked for once.
            && wait_for(|| ask(filer, "POST", &bucket, ""))
            // A volume for the bucket's content: a server that is asked for many at once may never make one.
            && wait_for(|| ask(filer, "PUT", &warm, "warm"));
        if is_up {
            return Some(server);
        }
        None
    }
}

/// Starts the shell that starts the server, outlives the binary and cleans up after both.
fn guard(program: &Path, directory: &Path, arguments: &[String]) -> Child {
    let script = "trap '' INT TERM HUP; directory=$1; shift; cd \"$directory\"; \
                  \"$@\" </dev/null >log 2>&1 & server=$!; cat >/dev/null; kill -9 $server; wait $server 2>/dev/null; \
                  cd /; rm -rf \"$directory\"";
    Command::new("sh")
        .args(["-c", script, "guard"])
        .arg(directory)
        .arg(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell")
}

fn find_program() -> PathBuf {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let installed = cache.map(|cache| cache.join("tidegate-tools/python/bin"));
    std::env::split_paths(&on_path)
        .chain(installed)
        .map(|directory| directory.join("weed"))
        .find(|program| program.is_file())
        .expect("SeaweedFS is not installed: the tests need `weed` (run `scripts/setup test`)")
}

fn free_ports() -> [u16; 8] {
    let held = std::array::from_fn::<_, 8, _>(|_| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port")
    });
    held.map(|listener| listener.local_addr().expect("its address").port())
}

fn wait_for(is_ready: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    while started.elapsed() < START_LIMIT {
        if is_ready() {
            return true;
        }
        std::thread::sleep(PAUSE);
    }
    false
}

/// Sends one request and returns whether the answer is a success. A bucket is a folder of the filer, and neither asking
/// the filer nor the S3 server's own status needs a signature.
fn ask(port: u16, method: &str, path: &str, body: &str) -> bool {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let answered = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    answered().is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 2"))
}

fn put(path: &Path, text: &str) {
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .expect("a file in a new directory");
}
