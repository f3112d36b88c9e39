//! Files and connections that a process may have open: it takes what it is allowed, keeps some for work, and survives
//! when there are none.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::samples::application;
use crate::serve::{Server, Site};
use crate::wire::{Line, blob_path, manifest_path, push_image};

/// How long a server that is out of descriptors is watched.
const WATCHED: Duration = Duration::from_millis(1_500);
/// What a line that would come at each failure is said in.
const QUIET: Duration = Duration::from_secs(10);
const CROWDED: &str = "every place for a connection is taken";
const REFUSED: &str = "cannot accept connections";

fn limits(server: &Server) -> (String, String) {
    let path = format!("/proc/{}/limits", server.pid());
    let text = fs_err::read_to_string(path).expect("a process");
    let line = text.lines().find(|line| line.starts_with("Max open files"));
    let mut words = line.expect("a line").split_whitespace().skip(3);
    let mut word = || words.next().expect("a limit").to_owned();
    (word(), word())
}

fn open_files(server: &Server) -> u64 {
    let entries = fs_err::read_dir(format!("/proc/{}/fd", server.pid())).expect("a process");
    entries.count() as u64
}

/// Time that the process has spent on a processor.
fn worked(server: &Server) -> Duration {
    let path = format!("/proc/{}/stat", server.pid());
    let text = fs_err::read_to_string(path).expect("a process");
    // The name may hold anything; what follows it does not.
    let (_, fields) = text.rsplit_once(')').expect("a name");
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks
        .map(|ticks| ticks.parse::<u64>().expect("ticks"))
        .sum();
    let per_second = rustix::param::clock_ticks_per_second();
    Duration::from_millis(ticks * 1_000 / per_second)
}

/// Watches a server that cannot take connections: it serves whom it knows, hardly works, and hardly talks about it.
fn assert_calm(server: &Server, line: &mut Line, asked: &[String], about: &str) {
    let (begun, work) = (Instant::now(), worked(server));
    while begun.elapsed() < WATCHED {
        for path in asked {
            line.ask(&server.request("GET", path)).expect(200);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let work = worked(server).saturating_sub(work);
    assert!(work < begun.elapsed() / 2, "it worked for {work:?}");
    let said = server.log().matches(about).count() as u64;
    let may_be_said = 1 + server_age_in_quiets(begun);
    assert!((1..=may_be_said).contains(&said), "it said so {said} times");
}

fn server_age_in_quiets(begun: Instant) -> u64 {
    begun.elapsed().as_secs() / QUIET.as_secs() + 1
}

#[test]
fn the_process_may_open_what_the_system_allows_it() {
    let script = "ulimit -Sn 300 && ulimit -Hn 700 && exec \"$@\"";
    let site = Site::new().with_wrapper(&["sh", "-c", script, "sh"]);
    let server = site.start();
    assert_eq!(limits(&server), ("700".to_owned(), "700".to_owned()));
}

#[test]
fn connections_that_ask_for_nothing_leave_descriptors_for_those_that_ask() {
    let site = Site::new().with_wrapper(&["sh", "-c", "ulimit -n 256 && exec \"$@\"", "sh"]);
    let server = site.start();
    let image = application();
    push_image(&server, "team/app", "1.0", &image);
    let mut line = Line::to(server.host());
    let asked = [
        manifest_path("team/app", "1.0"),
        blob_path("team/app", &image.layers[0].digest()),
    ];

    // As many as get a place, and some that the system's queue has room for.
    let connect = |_| TcpStream::connect(server.host()).expect("the system queues it");
    let idle: Vec<TcpStream> = (0..190).map(connect).collect();
    server.wait_for(CROWDED);
    assert_calm(&server, &mut line, &asked, CROWDED);
    // A push needs a file of its own.
    let upload = server.request("POST", "/v2/team/app/blobs/uploads/");
    line.ask(&upload).expect(202);

    drop(idle);
    server.get(&asked[1]).expect(200);
    let log = server.stop();
    assert!(!log.contains(REFUSED), "{log}");
}

#[test]
fn a_process_without_descriptors_serves_whom_it_knows_and_everybody_afterwards() {
    let server = Site::new().start();
    let image = application();
    push_image(&server, "team/app", "1.0", &image);
    let mut line = Line::to(server.host());
    let asked = [manifest_path("team/app", "1.0"), "/healthz".to_owned()];
    for path in &asked {
        line.ask(&server.request("GET", path)).expect(200);
    }

    let pid = i32::try_from(server.pid()).ok().and_then(Pid::from_raw);
    let limited = Rlimit {
        current: Some(open_files(&server)),
        ..getrlimit(Resource::Nofile)
    };
    let before = prlimit(pid, Resource::Nofile, limited).expect("a limit");
    let connect = |_| TcpStream::connect(server.host()).expect("the system queues it");
    let waiting: Vec<TcpStream> = (0..20).map(connect).collect();
    server.wait_for(REFUSED);
    assert_calm(&server, &mut line, &asked, REFUSED);

    prlimit(pid, Resource::Nofile, before).expect("a limit");
    drop(waiting);
    server.get(&asked[0]).expect(200);
    server.stop();
}
