//! `scan`: what the table says, and how a scan ends.

use image::testkit::docker_archive;
use rstest::rstest;

use crate::world::{AS_OF, World, image_of, sample_image};

#[test]
fn the_table_says_what_the_image_is_and_what_to_do() {
    let run = World::with_sample().scan(&[]).ends_with(0);
    insta::with_settings!({filters => vec![(r"sha256:[0-9a-f]{12}", "sha256:[short]"), (r"advisories of .* UTC", "advisories of [time]")]}, {
        insta::assert_snapshot!("table", run.stdout);
    });
    assert_eq!(run.stderr, "");
}

#[test]
fn the_wide_table_lists_each_finding() {
    World::with_sample()
        .scan(&["-o", "wide"])
        .ends_with(0)
        .shows("CVE-2024-0001 (exploited)")
        .shows("CVE-2024-0002")
        .shows("CVE-2023-32681")
        .shows("var/lib/dpkg/status");
}

#[test]
fn quiet_leaves_the_summary() {
    let run = World::with_sample().scan(&["-q"]).ends_with(0);
    assert_eq!(run.stdout.lines().count(), 2, "{}", run.stdout);
    assert!(
        run.stdout
            .lines()
            .nth(1)
            .is_some_and(|line| line.starts_with("Health "))
    );
    assert_eq!(run.stderr, "");
}

#[rstest]
#[case::findings_alone_never_fail(&[], 0)]
#[case::no_such_severity_is_there(&["--fail-on", "critical"], 0)]
#[case::a_high_one_is_there(&["--fail-on", "high"], 2)]
#[case::so_is_a_worse_one(&["--fail-on", "low"], 2)]
#[case::one_is_exploited(&["--fail-on", "kev"], 2)]
#[case::the_exploited_one_is_not_selected(&["--fail-on", "kev", "--severity", "medium"], 0)]
#[case::several_thresholds(&["--fail-on", "critical,kev"], 2)]
#[case::exit_zero_turns_two_into_zero(&["--fail-on", "high", "--exit-zero"], 0)]
#[case::exit_zero_leaves_usage_alone(&["--fail-on", "purple", "--exit-zero"], 64)]
#[case::an_unknown_format(&["-o", "xml"], 64)]
#[case::two_documents_on_one_stream(&["-o", "json", "-o", "table"], 64)]
#[case::an_unknown_option(&["--no-such-option"], 64)]
fn a_scan_ends_with_the_code_that_was_promised(#[case] args: &[&str], #[case] exit: i32) {
    World::with_sample().scan(args).ends_with(exit);
}

#[test]
fn a_snapshot_that_was_named_must_be_there() {
    World::with_sample()
        .run(&[
            "scan",
            "docker-archive:image.tar",
            "--advisories",
            "absent.tgdb",
        ])
        .ends_with(1)
        .says("error: cannot read the advisory snapshot `absent.tgdb`")
        .says("hint: ");
}

#[test]
fn the_last_line_says_why_a_scan_failed() {
    let run = World::with_sample()
        .scan(&["--fail-on", "kev"])
        .ends_with(2);
    assert_eq!(
        run.stderr.lines().last(),
        Some("FAILED 1 vulnerability is known to be exploited (exit 2)")
    );
}

#[test]
fn without_advisories_the_packages_are_listed_and_a_threshold_cannot_pass() {
    let world = World::new();
    world.write("image.tar", docker_archive(&[sample_image()]));
    world
        .run(&["scan", "docker-archive:image.tar"])
        .ends_with(0)
        .shows("3 packages · no advisories")
        .says("hint: `tidegate advisories import");
    world
        .run(&["scan", "docker-archive:image.tar", "--fail-on", "high"])
        .ends_with(1)
        .shows("3 packages")
        .says("no advisories are at hand");
}

#[test]
fn the_snapshot_of_the_data_folder_is_found_without_a_word() {
    let world = World::with_sample();
    let place = world.path(".local/share/tidegate");
    fs_err::create_dir_all(&place).expect("a folder");
    fs_err::rename(world.path("known.tgdb"), place.join("advisories.tgdb")).expect("moved");
    world
        .run(&[
            "scan",
            "docker-archive:image.tar",
            "--as-of",
            AS_OF,
            "--fail-on",
            "kev",
        ])
        .ends_with(2);
}

#[test]
fn a_selection_hides_the_other_findings() {
    let world = World::with_sample();
    world
        .scan(&["-o", "wide", "--only-fixed"])
        .ends_with(0)
        .shows("CVE-2024-0001")
        .hides("CVE-2024-0002");
    world
        .scan(&["-o", "wide", "--severity", "low"])
        .ends_with(0)
        .shows("CVE-2024-0002")
        .hides("CVE-2024-0001");
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let world = World::with_sample();
    let name = "evil\u{1b}[2J\u{9b}31m\u{202e}";
    let package = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1\u{1b}]0;title\u{7}\n\n");
    let os_release = format!("ID=\"debian{name}\"\nVERSION_ID=\"12\"\n");
    let image = image_of(&[
        ("etc/os-release", os_release.as_str()),
        ("opt/evil-1.dist-info/METADATA", package.as_str()),
    ]);
    world.write("image.tar", docker_archive(&[image]));
    for args in [
        &["-o", "table"][..],
        &["-o", "wide"],
        &["-o", "json"],
        &["-o", "sarif"],
        &["-o", "cyclonedx"],
        &["-o", "spdx"],
    ] {
        let run = world.scan(args).ends_with(0);
        for text in [&run.stdout, &run.stderr] {
            let active = text
                .chars()
                .find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
            assert_eq!(active, None, "{args:?}: {text}");
        }
    }
}

#[test]
fn colour_is_used_when_it_is_asked_for_and_only_then() {
    let world = World::with_sample();
    world
        .scan(&["--color", "always"])
        .ends_with(0)
        .shows("\u{1b}[");
    world
        .scan(&["--color", "never"])
        .ends_with(0)
        .hides("\u{1b}[");
    world.scan(&[]).ends_with(0).hides("\u{1b}[");
}

#[test]
fn a_reader_that_goes_away_changes_nothing_about_the_exit_code() {
    let world = World::with_sample();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args([
            "scan",
            "docker-archive:image.tar",
            "--advisories",
            "known.tgdb",
            "--as-of",
            AS_OF,
        ])
        .args(["-o", "json", "--fail-on", "high"])
        .current_dir(world.path("."))
        .env_clear()
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert!(stderr.starts_with("FAILED"), "{stderr}");
}
