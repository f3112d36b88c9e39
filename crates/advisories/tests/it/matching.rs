//! Inventories against a snapshot: what is found, how it is described, what is not counted.

use advisories::Snapshot;
use evidence::{
    Coverage, Disowned, Evidence, Finding, Fix, Grade, Package, PackageType, Severity, Status,
};
use proptest::prelude::*;
use rstest::rstest;

use crate::world::{
    DSA_LIST, EPSS, GHSA_CVSS, GHSA_REQUESTS, KEV, PYSEC, TRACKER, World, bookworm, deb, image,
    noon, package, time, zip,
};

fn full(world: &World) -> Snapshot {
    world.snapshot(&[
        &world.file("debian.json", TRACKER),
        &world.file("dsa", DSA_LIST),
        &world.file("kev.json", KEV),
        &world.file("epss.csv", EPSS),
        &world.file("a.json", GHSA_CVSS),
        &world.file("b.json", GHSA_REQUESTS),
        &world.file("c.yaml", PYSEC),
    ])
}

fn find<'f>(findings: &'f [Finding], id: &str) -> &'f Finding {
    findings
        .iter()
        .find(|finding| finding.id == id)
        .unwrap_or_else(|| panic!("no {id} in {findings:#?}"))
}

#[test]
fn a_debian_finding_carries_everything_known() {
    let world = World::new();
    let snapshot = full(&world);
    let report = snapshot.match_inventory(
        &bookworm(vec![deb("libssl3", "3.0.9-1", "openssl")]),
        noon(),
    );
    let finding = find(&report.findings, "CVE-2023-5363");
    assert_eq!(finding.package, "libssl3");
    assert_eq!(finding.source_package.as_deref(), Some("openssl"));
    assert_eq!(finding.status, Status::Affected);
    assert_eq!(
        finding.fix,
        Fix::Available {
            version: "3.0.11-1~deb12u2".into(),
            published: Some(time("2023-10-24T00:00:00Z")),
            estimated: false,
        }
    );
    // Debian has no severities: the vector of any record of the same flaw counts, even of an ecosystem not matched.
    assert_eq!(
        (finding.severity, finding.severity_source.as_str()),
        (Severity::Critical, "cvss")
    );
    assert!((finding.cvss.as_ref().expect("a vector").score - 9.8).abs() < 1e-9);
    assert!((finding.epss.expect("a row").probability - 0.5).abs() < 1e-9);
    assert!(finding.kev.as_ref().expect("an entry").ransomware);
    assert_eq!(finding.aliases, ["GHSA-xxxx-0001-aaaa"]);
    assert_eq!(finding.summary, "OpenSSL in a crate");
    assert_eq!(finding.published, Some(time("2023-10-20T00:00:00Z")));
    assert_eq!(
        (finding.origin.feed.as_str(), finding.origin.record.as_str()),
        ("debian", "CVE-2023-5363")
    );
    assert_eq!(
        report.findings[0].id, "CVE-2023-5363",
        "known exploited comes first"
    );
    assert_eq!(report.snapshot.id, snapshot.info().id);
    assert!(report.diagnostics.is_empty());
}

#[test]
fn the_states_of_debian_reach_the_report() {
    let world = World::new();
    let snapshot = full(&world);
    let inventory = bookworm(vec![
        deb("openssl", "3.0.15-1", "openssl"),
        deb("libpam0g", "1.5.2-6", "pam"),
    ]);
    let findings = snapshot.match_inventory(&inventory, noon()).findings;
    assert!(
        findings.iter().all(|finding| finding.id != "CVE-2023-5363"),
        "it is fixed"
    );
    let waiting = find(&findings, "CVE-2024-0002");
    assert_eq!(waiting.fix, Fix::NoneYet);
    assert!(
        waiting
            .note
            .contains("3.0.99-1, which is not yet published"),
        "{}",
        waiting.note
    );
    let unimportant = find(&findings, "CVE-2024-0003");
    assert_eq!(unimportant.severity, Severity::Negligible);
    assert_eq!(
        unimportant.suppressed.as_ref().expect("suppressed").reason,
        "unimportant"
    );
    let undetermined = find(&findings, "TEMP-0000000-ABCDEF");
    assert_eq!(undetermined.status, Status::UnderInvestigation);
    let postponed = find(&findings, "CVE-2024-10041");
    assert_eq!(
        (&postponed.fix, postponed.note.as_str()),
        (&Fix::Deferred, "postponed")
    );
    assert_eq!(postponed.source_package.as_deref(), Some("pam"));
}

#[test]
fn a_release_uses_its_own_entries() {
    let world = World::new();
    let snapshot = full(&world);
    let trixie = image(
        "debian",
        Some("13"),
        vec![deb("openssl", "3.0.9-1", "openssl")],
    );
    assert!(
        snapshot
            .match_inventory(&trixie, noon())
            .findings
            .is_empty(),
        "never affected there"
    );
}

#[rstest]
#[case("debian", Some("11"), "debian 11")]
#[case("debian", None, "debian")]
#[case("kali", Some("2024.1"), "kali 2024.1")]
#[case("", None, "an unnamed distribution")]
fn a_release_without_data_is_told_and_not_graded(
    #[case] id: &str,
    #[case] version: Option<&str>,
    #[case] label: &str,
) {
    let world = World::new();
    let snapshot = full(&world);
    let report = snapshot.match_inventory(
        &image(id, version, vec![deb("openssl", "3.0.9-1", "openssl")]),
        noon(),
    );
    assert!(report.findings.is_empty());
    assert_eq!(report.grade.grade, Grade::Unknown);
    assert_eq!(report.grade.reason, format!("no advisories for {label}"));
    let [diagnostic] = report.diagnostics.as_slice() else {
        panic!("{:?}", report.diagnostics);
    };
    assert_eq!(diagnostic.code, "advisories.no_data");
    assert!(diagnostic.message.contains(label), "{}", diagnostic.message);
}

#[test]
fn an_ecosystem_without_data_is_told() {
    let world = World::new();
    let snapshot = full(&world);
    let report = snapshot.match_inventory(
        &bookworm(vec![package(PackageType::Npm, "lodash", "4.17.20")]),
        noon(),
    );
    assert_eq!(report.diagnostics[0].code, "advisories.no_data");
    assert!(report.diagnostics[0].message.contains("npm"));
    assert_eq!(report.grade.reason, "no OS packages");
}

#[test]
fn kernel_headers_are_not_a_running_kernel() {
    let world = World::new();
    let snapshot = full(&world);
    let inventory = bookworm(vec![
        deb("linux-libc-dev", "6.1.0-1", "linux"),
        deb("linux-image-amd64", "6.1.0-1", "linux"),
    ]);
    let findings = snapshot.match_inventory(&inventory, noon()).findings;
    let of = |name: &str| {
        findings
            .iter()
            .find(|finding| finding.package == name)
            .expect("a finding")
    };
    assert_eq!(
        of("linux-libc-dev")
            .suppressed
            .as_ref()
            .expect("suppressed")
            .reason,
        "kernel-not-run"
    );
    assert!(of("linux-image-amd64").is_open());
}

#[test]
fn two_databases_about_one_flaw_are_one_finding() {
    let world = World::new();
    let snapshot = full(&world);
    let report = snapshot.match_inventory(
        &bookworm(vec![package(PackageType::PyPi, "requests", "2.25.0")]),
        noon(),
    );
    let [finding] = report.findings.as_slice() else {
        panic!("{:#?}", report.findings);
    };
    assert_eq!(finding.id, "CVE-2023-32681");
    assert_eq!(finding.aliases, ["GHSA-j8r2-6x86-q33q", "PYSEC-2023-74"]);
    assert_eq!(
        (finding.origin.feed.as_str(), finding.origin.record.as_str()),
        ("osv:PyPI", "PYSEC-2023-74")
    );
    assert_eq!(
        (finding.severity, finding.severity_source.as_str()),
        (Severity::Medium, "osv")
    );
    assert_eq!(
        finding.summary,
        "Unintended leak of Proxy-Authorization header in requests"
    );
    assert_eq!(
        finding.fix,
        Fix::Available {
            version: "2.31.0".into(),
            published: Some(time("2023-05-26T18:15:00Z")),
            estimated: true,
        }
    );
}

#[rstest]
#[case("2.2.9", 0)]
#[case("2.3.0", 1)]
#[case("2.31.0rc1", 1)]
#[case("2.31.0", 0)]
fn a_python_version_is_ordered_as_python_orders_it(#[case] version: &str, #[case] expected: usize) {
    let world = World::new();
    let snapshot = full(&world);
    let report = snapshot.match_inventory(
        &bookworm(vec![package(PackageType::PyPi, "Requests", version)]),
        noon(),
    );
    assert_eq!(report.findings.len(), expected);
}

#[test]
fn a_declared_package_is_not_matched_and_an_embedded_one_is() {
    let world = World::new();
    let snapshot = full(&world);
    let with = |evidence: Evidence| {
        let package = Package {
            evidence,
            ..package(PackageType::PyPi, "requests", "2.25.0")
        };
        snapshot
            .match_inventory(&bookworm(vec![package]), noon())
            .findings
            .len()
    };
    assert_eq!(with(Evidence::Declared), 0);
    assert_eq!(with(Evidence::Embedded), 1);
    assert_eq!(with(Evidence::InstalledMetadata), 1);
}

#[test]
fn a_package_owned_by_the_distribution_is_listed_only_where_it_would_match() {
    let world = World::new();
    let snapshot = full(&world);
    let owned = |version: &str| Package {
        owned_by: Some("python3-requests".into()),
        ..package(PackageType::PyPi, "requests", version)
    };
    let report =
        snapshot.match_inventory(&bookworm(vec![owned("2.25.0"), owned("2.31.0")]), noon());
    let [finding] = report.findings.as_slice() else {
        panic!("{:#?}", report.findings);
    };
    let suppressed = finding.suppressed.as_ref().expect("suppressed");
    assert_eq!(suppressed.reason, "owned-by-os-package");
    assert!(suppressed.source.contains("python3-requests"));
    assert_eq!(report.counts().total(), 0);
}

#[test]
fn what_is_embedded_in_an_owned_file_is_matched_unless_the_distribution_decided_it() {
    const REQUESTS: &str = r#"{"requests": {"CVE-2023-32681": {"releases": {"bookworm": {"status": "resolved",
        "repositories": {"bookworm": "2.28.1+dfsg-2"}, "fixed_version": "2.28.1+dfsg-2", "urgency": "medium"}}}}}"#;
    let world = World::new();
    let snapshot = world.snapshot(&[
        &world.file("debian.json", REQUESTS),
        &world.file("b.json", GHSA_REQUESTS),
        &world.file("c.yaml", PYSEC),
    ]);
    let counted = |owner: Package| {
        let vendored = Package {
            evidence: Evidence::Embedded,
            owned_by: Some(owner.name.clone()),
            ..package(PackageType::PyPi, "requests", "2.25.0")
        };
        let report = snapshot.match_inventory(&bookworm(vec![owner, vendored]), noon());
        let open =
            |finding: &&Finding| finding.package == "requests" && finding.suppressed.is_none();
        report.findings.iter().filter(open).count()
    };
    assert_eq!(
        counted(deb("python3-requests", "2.28.1+dfsg-2", "requests")),
        0
    );
    assert_eq!(
        counted(deb("python3-requests", "2.28.1+dfsg-1", "requests")),
        1
    );
    assert_eq!(counted(deb("python3-pip", "23.0.1", "python-pip")), 1);
}

#[test]
fn a_package_whose_owner_does_not_answer_for_it_is_matched() {
    let world = World::new();
    let snapshot = full(&world);
    for disowned in [Disowned::Modified, Disowned::ThirdParty] {
        let package = Package {
            owned_by: Some("python3-requests".into()),
            disowned: Some(disowned),
            ..package(PackageType::PyPi, "requests", "2.25.0")
        };
        let report = snapshot.match_inventory(&bookworm(vec![package]), noon());
        assert_eq!(report.counts().total(), 1, "{disowned:?}");
    }
}

#[test]
fn a_version_that_cannot_be_compared_is_unknown_and_told() {
    let world = World::new();
    let snapshot = full(&world);
    let report = snapshot.match_inventory(
        &bookworm(vec![package(
            PackageType::PyPi,
            "requests",
            "not a version",
        )]),
        noon(),
    );
    assert_eq!(report.findings[0].status, Status::Unknown);
    assert!(!report.findings[0].is_open());
    assert_eq!(report.diagnostics[0].code, "version.invalid");
    assert!(report.diagnostics[0].message.contains("requests"));
}

#[test]
fn the_grade_follows_from_published_fixes_of_severe_flaws() {
    let world = World::new();
    let snapshot = full(&world);
    let old = bookworm(vec![
        deb("libssl3", "3.0.9-1", "openssl"),
        package(PackageType::PyPi, "requests", "2.25.0"),
    ]);
    let day = |text: &str| snapshot.match_inventory(&old, time(text)).grade;
    // DSA-5532-1 was published on 24 October 2023.
    assert_eq!(day("2023-10-25T00:00:00Z").grade, Grade::B);
    assert_eq!(day("2023-10-31T00:00:00Z").grade, Grade::B);
    assert_eq!(day("2023-10-31T00:00:01Z").grade, Grade::C);
    assert_eq!(day("2026-11-24T00:00:00Z").grade, Grade::F);
    let basis = day("2023-11-24T00:00:00Z").basis.expect("a basis");
    assert_eq!(
        (basis.id.as_str(), basis.package.as_str(), basis.estimated),
        ("CVE-2023-5363", "libssl3", false)
    );
    // The end of long-term support of Debian 12.
    assert_eq!(
        day("2028-07-01T00:00:00Z").reason,
        "the release is out of support since 2028-07-01"
    );
    let new = bookworm(vec![deb("libssl3", "3.0.15-1", "openssl")]);
    assert_eq!(snapshot.match_inventory(&new, noon()).grade.grade, Grade::A);
}

#[test]
fn an_image_read_in_part_has_no_grade() {
    let world = World::new();
    let snapshot = full(&world);
    let mut inventory = bookworm(vec![deb("libssl3", "3.0.15-1", "openssl")]);
    inventory.coverage = Coverage::Partial;
    assert_eq!(
        snapshot.match_inventory(&inventory, noon()).grade.grade,
        Grade::Unknown
    );
}

const ALSA: &str = r#"{"id":"ALSA-2025:13941","summary":"Important: golang security update","modified":"2025-08-18T00:00:00Z","published":"2025-08-18T00:00:00Z",
 "related":["CVE-2025-4674","CVE-2025-47907"],"affected":[{"package":{"ecosystem":"AlmaLinux:9","name":"golang-bin"},
 "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.24.6-1.el9_6"}]}]}]}"#;

#[test]
fn a_bulletin_gives_a_finding_for_each_flaw_it_fixes() {
    let world = World::new();
    let snapshot = world.snapshot(&[&world.file("alsa.json", ALSA)]);
    let inventory = image(
        "almalinux",
        Some("9.6"),
        vec![package(PackageType::Rpm, "golang-bin", "1.24.4-1.el9")],
    );
    let report = snapshot.match_inventory(&inventory, noon());
    let ids: Vec<&str> = report
        .findings
        .iter()
        .map(|finding| finding.id.as_str())
        .collect();
    assert_eq!(ids, ["CVE-2025-4674", "CVE-2025-47907"]);
    assert_eq!(report.findings[0].severity, Severity::High);
    assert_eq!(report.findings[0].origin.record, "ALSA-2025:13941");
    assert_eq!(report.findings[0].origin.feed, "osv:AlmaLinux");
    assert_eq!(
        report.grade.grade,
        Grade::F,
        "important, and older than a year"
    );
}

#[test]
fn an_npm_scope_is_part_of_the_name() {
    let world = World::new();
    let record = r#"{"id":"GHSA-2ccf-ffrj-m4qw","modified":"2023-04-24T15:56:27Z","affected":[
      {"package":{"ecosystem":"npm","name":"@fastify/passport"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.1.0"}]}]},
      {"package":{"ecosystem":"npm","name":"@fastify/passport"},"ranges":[{"type":"SEMVER","events":[{"introduced":"2.0.0"},{"fixed":"2.3.0"}]}]}]}"#;
    let snapshot = world.snapshot(&[&world.file("a.json", record)]);
    let fix = |name: &str, version: &str| {
        let report = snapshot.match_inventory(
            &image("", None, vec![package(PackageType::Npm, name, version)]),
            noon(),
        );
        report
            .findings
            .first()
            .and_then(|finding| finding.fix.version().map(str::to_owned))
    };
    assert_eq!(fix("@fastify/passport", "1.0.1").as_deref(), Some("1.1.0"));
    assert_eq!(fix("@fastify/passport", "1.1.0"), None);
    assert_eq!(fix("@fastify/passport", "2.0.0").as_deref(), Some("2.3.0"));
    assert_eq!(fix("@fastify/passport", "2.3.0"), None);
    assert_eq!(fix("passport", "1.0.1"), None);
}

/// Records about one package with random ranges, as (id, introduced, fixed).
fn any_records() -> impl Strategy<Value = Vec<(u32, u32, u32)>> {
    let record = (0_u32..6, 0_u32..10, 0_u32..10);
    prop::collection::vec(record, 1..8)
}

fn document((index, (flaw, introduced, fixed)): (usize, &(u32, u32, u32))) -> (String, String) {
    let kind = ["PYSEC", "GHSA", "X"][index % 3];
    let id = format!("{kind}-2024-{index}");
    let text = format!(
        r#"{{"id":"{id}","modified":"2024-01-01T00:00:00Z","aliases":["CVE-2024-000{flaw}"],"affected":[{{"package":{{"ecosystem":"PyPI","name":"a"}},
        "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"{introduced}"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
    );
    (format!("{id}.json"), text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_match_does_not_depend_on_the_order_of_statements(records in any_records(), turn in 0_usize..8) {
        let mut documents: Vec<(String, String)> = records.iter().enumerate().map(document).collect();
        let build = |documents: &[(String, String)]| {
            let world = World::new();
            let entries: Vec<(&str, &[u8])> = documents.iter().map(|(n, t)| (n.as_str(), t.as_bytes())).collect();
            world.snapshot(&[&world.file("all.zip", zip(&entries))])
        };
        let forward = build(&documents);
        let middle = turn % documents.len();
        documents.rotate_left(middle);
        documents.reverse();
        let backward = build(&documents);
        prop_assert_eq!(&forward.info().id, &backward.info().id);
        for version in 0..10 {
            let inventory = image("", None, vec![package(PackageType::PyPi, "a", &version.to_string())]);
            let a = forward.match_inventory(&inventory, noon());
            let b = backward.match_inventory(&inventory, noon());
            prop_assert_eq!(a, b);
        }
    }
}
