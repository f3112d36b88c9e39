//! The process ends, as `kill -9` ends it, before and after each step that stores something.
//!
//! A script pushes in chunks and whole, mounts, tags, untags, deletes and collects. At the armed place the process dies; it
//! is started again and looked at: what was acknowledged is there byte by byte, what was not is there whole or not at
//! all, an upload goes on from where the server says it stands or is refused, the same script succeeds, and in the end
//! the store holds what the catalog names and nothing else.
//!
//! Every step of [`failpoint::Step`] is in the table by itself; a place that the script does not reach fails the test. A
//! longer run: `TEST_CRASHES=500 TEST_CRASH_SEED=7 cargo test -p tidegate crash::`, as `make soak` does.

mod script;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use failpoint::Step;
use rstest::rstest;

use self::script::{Books, run};
use crate::fsck::fsck;
use crate::serve::{Engine, Server, Site};

/// Everything that is under way ends long before.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(20);

/// A site whose processes die where they are told to.
struct Mortal {
    site: Site,
    server: Option<Server>,
    books: Books,
    round: u64,
}

impl Mortal {
    fn new(site: Site) -> Self {
        let armed = site.world.path("armed").display().to_string();
        let site = site.with_variable(failpoint::VARIABLE, &armed);
        let server = site.start();
        Self {
            site,
            server: Some(server),
            books: Books::default(),
            round: 0,
        }
    }

    /// Runs the script until the process dies at a place, starts it again and looks at everything.
    fn dies_at(&mut self, place: &str) {
        self.round += 1;
        let server = self.server.take().expect("a server");
        self.site.world.write("armed", place);
        let mut server = server;
        let done = run(&server, &self.site, self.round, &mut self.books);
        if done.is_some() {
            // What the script set off goes on behind it.
            let deadline = Instant::now() + PATIENCE;
            while server.is_running() && !is_idle(&server) && Instant::now() < deadline {
                std::thread::sleep(PAUSE);
            }
        }
        self.site.world.write("armed", "");
        assert!(!is_alive(&mut server), "nothing gets to `{place}`");
        assert!(server.died(), "`{place}` ended otherwise");

        let server = self.site.start();
        self.books.check(&server);
        self.books.go_on(&server);
        run(&server, &self.site, self.round, &mut self.books).expect("a live server");
        self.books.check(&server);
        self.server = Some(server);
    }

    /// Ends: nothing is left that the catalog does not name, nothing is named that is not there.
    fn ends_clean(mut self) {
        let server = self.server.take().expect("a server");
        collect(&server, &self.site);
        self.books.check(&server);
        ends_clean(server, &self.site);
    }
}

/// Collects what nobody needs, stops the server and compares what is named with what is stored.
pub(crate) fn ends_clean(server: Server, site: &Site) {
    collect(&server, site);
    let log = server.stop();
    assert!(!log.contains("panicked"), "{log}");
    // Uploads whose time is over go with a start, without the minute's wait.
    let server = site.start();
    let named: BTreeSet<String> = objects_named(site).into_iter().collect();
    let deadline = Instant::now() + PATIENCE;
    while site.stored_objects() != named && Instant::now() < deadline {
        std::thread::sleep(PAUSE);
    }
    server.stop();
    fsck(site, &["--deep"]).ends_with(0);
    assert_eq!(
        named,
        site.stored_objects(),
        "what is named, and what is stored"
    );
}

fn is_alive(server: &mut Server) -> bool {
    // A process that killed itself may be a moment from its end.
    let deadline = Instant::now() + Duration::from_millis(200);
    while server.is_running() && Instant::now() < deadline {
        std::thread::sleep(PAUSE);
    }
    server.is_running()
}

/// Returns whether collection has nothing to do any more; false as well when nobody answers.
fn is_idle(server: &Server) -> bool {
    let Some(answer) = server.request("GET", "/api/v1/gc").attempt() else {
        return false;
    };
    let status = answer.json();
    let waiting = status["queue"].as_object().is_some_and(|queue| {
        queue
            .values()
            .any(|count| count.as_u64().is_some_and(|count| count > 0))
    });
    !waiting && status["objects"] == 0 && status["condemned"] == 0
}

/// Lets time pass and collects, until there is nothing to collect. `None` when the server dies meanwhile.
fn collect_until_idle(server: &Server, site: &Site) -> Option<()> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let deadline = Instant::now() + PATIENCE;
    loop {
        runtime.block_on(catalog::testkit::let_time_pass(&site.catalog()));
        let answer = server.request("POST", "/api/v1/gc/run").attempt()?;
        answer.expect(202);
        if is_idle(server) {
            return Some(());
        }
        server.request("GET", "/healthz").attempt()?;
        assert!(Instant::now() < deadline, "collection does not end");
        std::thread::sleep(PAUSE);
    }
}

fn collect(server: &Server, site: &Site) {
    collect_until_idle(server, site).expect("a live server");
}

fn objects_named(site: &Site) -> Vec<String> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(catalog::testkit::object_keys(&site.catalog()))
}

#[rstest]
#[case::before("before")]
#[case::after("after")]
fn a_process_that_dies_around_a_step_loses_nothing_and_leaves_nothing(#[case] edge: &str) {
    let mut mortal = Mortal::new(Site::on(Engine::Sqlite));
    let steps = Step::ALL.iter();
    for step in steps.filter(|step| !step.is_of_bucket() && is_for_the_script(**step)) {
        mortal.dies_at(&format!("{edge} {}", step.name()));
    }
    mortal.ends_clean();
}

/// Whether the script gets to a step, and a process that dies there is a case of its own.
fn is_for_the_script(step: Step) -> bool {
    !step.is_of_transfer() && !step.leaves_nothing()
}

/// Numbers that are the same for the same seed.
fn numbers(mut state: u64) -> impl FnMut(u64) -> u64 {
    state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

fn given(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn a_process_that_dies_around_a_step_in_the_bucket_loses_nothing_and_leaves_nothing() {
    let mut mortal = Mortal::new(Site::on(Engine::Sqlite).in_bucket());
    for step in Step::ALL.iter().filter(|step| step.is_of_bucket()) {
        for edge in ["before", "after"] {
            mortal.dies_at(&format!("{edge} {}", step.name()));
        }
    }
    mortal.ends_clean();
}

#[test]
fn processes_that_die_again_and_again_lose_nothing_on_postgres() {
    let site = Site::on(Engine::Postgres);
    die_again_and_again(site, 4, |step| !step.is_of_bucket());
}

#[test]
fn processes_that_die_again_and_again_lose_nothing_in_a_bucket() {
    let site = Site::on(Engine::Postgres).in_bucket();
    die_again_and_again(site, 2, |step| !step.is_of_files());
}

fn die_again_and_again(site: Site, otherwise: u64, is_reached: impl Fn(Step) -> bool) {
    let (crashes, seed) = (
        given("TEST_CRASHES", otherwise),
        given("TEST_CRASH_SEED", 1),
    );
    let mut number = numbers(seed);
    let steps: Vec<Step> = Step::ALL
        .iter()
        .copied()
        .filter(|step| is_reached(*step) && is_for_the_script(*step))
        .collect();
    let mut mortal = Mortal::new(site);
    let mut died = String::new();
    for _ in 0..crashes {
        let step = steps[number(steps.len() as u64) as usize];
        let edge = ["before", "after"][number(2) as usize];
        let place = format!("{edge} {}", step.name());
        let _ = writeln!(died, "seed {seed}: {place}");
        mortal.dies_at(&place);
    }
    mortal.ends_clean();
    assert_eq!(died.lines().count() as u64, crashes);
}
