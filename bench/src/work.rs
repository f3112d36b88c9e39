//! The workloads: each is what one connection does once.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::http::Connection;
use crate::seed::{Content, Fixture, IMAGE, push, put_manifest};
use crate::servers::REPOSITORY;

/// One thing that clients do.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// Large bodies at many connections measure the machine's memory, not the registry.
    pub(crate) most_connections: usize,
    pub(crate) once: fn(&mut Connection, &Fixture, u64) -> anyhow::Result<()>,
}

pub(crate) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "manifest GET by tag",
        most_connections: 64,
        once: get_by_tag,
    },
    Workload {
        name: "manifest GET by digest",
        most_connections: 64,
        once: get_by_digest,
    },
    Workload {
        name: "manifest HEAD by tag",
        most_connections: 64,
        once: head_by_tag,
    },
    Workload {
        name: "blob HEAD",
        most_connections: 64,
        once: head_blob,
    },
    Workload {
        name: "blob GET 1 KB",
        most_connections: 64,
        once: get_small,
    },
    Workload {
        name: "tag list, 100 of 1,000",
        most_connections: 64,
        once: list_tags,
    },
    Workload {
        name: "manifest PUT",
        most_connections: 64,
        once: put,
    },
    Workload {
        name: "push 1 KB",
        most_connections: 64,
        once: push_small,
    },
    Workload {
        name: "push 1 MB",
        most_connections: 64,
        once: push_medium,
    },
    Workload {
        name: "pull 1 MB",
        most_connections: 64,
        once: pull_medium,
    },
    Workload {
        name: "push 100 MB",
        most_connections: 2,
        once: push_large,
    },
    Workload {
        name: "pull 100 MB",
        most_connections: 2,
        once: pull_large,
    },
];

/// Numbers that no earlier measurement used, in either registry.
pub(crate) fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn accept() -> String {
    format!("Accept: {IMAGE}\r\n")
}

fn get_by_tag(connection: &mut Connection, _: &Fixture, number: u64) -> anyhow::Result<()> {
    let path = format!("/v2/{REPOSITORY}/manifests/v{:05}", number % 1_000);
    connection
        .expect(200, "GET", &path, &accept(), &[])
        .map(drop)
}

fn get_by_digest(connection: &mut Connection, fixture: &Fixture, _: u64) -> anyhow::Result<()> {
    let path = format!("/v2/{REPOSITORY}/manifests/{}", fixture.manifest_digest);
    connection
        .expect(200, "GET", &path, &accept(), &[])
        .map(drop)
}

fn head_by_tag(connection: &mut Connection, _: &Fixture, number: u64) -> anyhow::Result<()> {
    let path = format!("/v2/{REPOSITORY}/manifests/v{:05}", number % 1_000);
    connection
        .expect(200, "HEAD", &path, &accept(), &[])
        .map(drop)
}

fn blob(content: &Content) -> String {
    format!("/v2/{REPOSITORY}/blobs/{}", content.digest_with(0))
}

fn head_blob(connection: &mut Connection, fixture: &Fixture, _: u64) -> anyhow::Result<()> {
    connection
        .expect(200, "HEAD", &blob(&fixture.kilobyte), "", &[])
        .map(drop)
}

fn get_small(connection: &mut Connection, fixture: &Fixture, _: u64) -> anyhow::Result<()> {
    connection
        .expect(200, "GET", &blob(&fixture.kilobyte), "", &[])
        .map(drop)
}

fn list_tags(connection: &mut Connection, _: &Fixture, _: u64) -> anyhow::Result<()> {
    let path = format!("/v2/{REPOSITORY}/tags/list?n=100");
    connection.expect(200, "GET", &path, "", &[]).map(drop)
}

fn put(connection: &mut Connection, fixture: &Fixture, number: u64) -> anyhow::Result<()> {
    put_manifest(
        connection,
        &format!("new-{number}"),
        &fixture.fresh_manifest(number),
    )
}

fn push_content(connection: &mut Connection, content: &Content, number: u64) -> anyhow::Result<()> {
    let end = number.to_le_bytes();
    push(
        connection,
        &content.digest_with(number),
        &[&content.bytes, &end],
    )
}

fn push_small(connection: &mut Connection, fixture: &Fixture, number: u64) -> anyhow::Result<()> {
    push_content(connection, &fixture.kilobyte, number)
}

fn push_medium(connection: &mut Connection, fixture: &Fixture, number: u64) -> anyhow::Result<()> {
    push_content(connection, &fixture.megabyte, number)
}

fn pull_medium(connection: &mut Connection, fixture: &Fixture, _: u64) -> anyhow::Result<()> {
    connection
        .expect(200, "GET", &blob(&fixture.megabyte), "", &[])
        .map(drop)
}

fn push_large(connection: &mut Connection, fixture: &Fixture, number: u64) -> anyhow::Result<()> {
    push_content(connection, &fixture.hundred, number)
}

fn pull_large(connection: &mut Connection, fixture: &Fixture, _: u64) -> anyhow::Result<()> {
    connection
        .expect(200, "GET", &blob(&fixture.hundred), "", &[])
        .map(drop)
}
