//! What the disk, the hash and the loopback allow: the same bytes without any registry.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Instant;

use anyhow::anyhow;
use sha2::{Digest as _, Sha256};

use crate::seed::Fixture;

const ROUNDS: usize = 5;

/// Prints the rates of 100 MB: received, hashed, written and synced; and sent from a file.
pub(crate) fn print(fixture: &Fixture, folder: &Path) -> anyhow::Result<()> {
    let bytes = &fixture.hundred.bytes;
    let mut push = Vec::new();
    let mut pull = Vec::new();
    for round in 0..ROUNDS {
        let path = folder.join(format!("yardstick-{round}"));
        let started = Instant::now();
        over_loopback(
            |mut stream| Ok(stream.write_all(bytes)?),
            |stream| store(stream, &path),
        )?;
        push.push(started.elapsed().as_secs_f64());
        let started = Instant::now();
        over_loopback(
            |mut stream| Ok(std::io::copy(&mut fs_err::File::open(&path)?, &mut stream).map(drop)?),
            drain,
        )?;
        pull.push(started.elapsed().as_secs_f64());
        fs_err::remove_file(path)?;
    }
    for (what, mut took) in [
        ("receive, hash, write, sync", push),
        ("send from a file", pull),
    ] {
        took.sort_by(f64::total_cmp);
        writeln!(
            std::io::stdout(),
            "yardstick for 100 MB: {what}: {:.1} per second",
            1.0 / took[ROUNDS / 2]
        )?;
    }
    Ok(())
}

fn over_loopback(
    send: impl FnOnce(TcpStream) -> anyhow::Result<()> + Send,
    receive: impl FnOnce(TcpStream) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::scope(|scope| {
        let sender = scope.spawn(move || send(TcpStream::connect(address)?));
        receive(listener.accept()?.0)?;
        sender.join().map_err(|_| anyhow!("the sender panicked"))?
    })
}

fn store(mut stream: TcpStream, path: &Path) -> anyhow::Result<()> {
    let mut file = fs_err::OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = std::io::Read::read(&mut stream, &mut buffer)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        file.write_all(&buffer[..count])?;
    }
    std::hint::black_box(hash.finalize());
    file.sync_all()?;
    Ok(())
}

fn drain(mut stream: TcpStream) -> anyhow::Result<()> {
    let mut buffer = vec![0; 256 << 10];
    while std::io::Read::read(&mut stream, &mut buffer)? > 0 {}
    Ok(())
}
