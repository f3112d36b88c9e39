//! The bounds of one walk. Every bound has a named diagnostic; none is ever silently reached.
//!
//! Adding a bound: a field here with its unit and default, a check where the resource is spent, a `limit.*` name for
//! the diagnostic, and a test that hits it.

use std::time::Duration;

const MIB: u64 = 1 << 20;

/// How much one layer or directory may cost.
///
/// # Source
/// The defaults are those of the inventory specification, section 3.3.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Entries of one layer (`limit.entries`).
    pub entries_per_layer: u64,
    /// Uncompressed bytes of one layer, and also the sum of the logical sizes of its files (`limit.layer_bytes`).
    pub layer_bytes: u64,
    /// Uncompressed bytes per stored byte (`limit.ratio`).
    pub ratio: u64,
    /// Uncompressed bytes that pass before `ratio` is looked at.
    pub ratio_after_bytes: u64,
    /// Bytes of one path (`limit.path`).
    pub path_bytes: usize,
    /// Components of one path (`limit.path`).
    pub path_components: usize,
    /// Bytes of PAX, GNU and sparse headers of one entry (`limit.header`).
    pub header_bytes: u64,
    /// CPU time one walk may spend on the calling thread (`limit.time`).
    pub cpu_time: Duration,
    /// What the calling thread has spent so far; a parameter so that a test decides when time is up.
    pub cpu_clock: fn() -> Duration,
    /// Bytes held for one file, by what it is for (`limit.file`). A visitor passes the fitting one in
    /// [`Want::Whole`](crate::Want::Whole).
    pub file_bytes: FileLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries_per_layer: 2_000_000,
            layer_bytes: 64 << 30,
            ratio: 500,
            ratio_after_bytes: 256 * MIB,
            path_bytes: 4_096,
            path_components: 256,
            header_bytes: MIB,
            cpu_time: Duration::from_mins(2),
            cpu_clock: thread_cpu_time,
            file_bytes: FileLimits::default(),
        }
    }
}

/// Bytes held for one file, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLimits {
    /// An rpm database.
    pub rpm_database: u64,
    /// An executable.
    pub executable: u64,
    /// An archive inside the layer (jar, wheel).
    pub archive: u64,
    /// A text database (dpkg, apk).
    pub package_text: u64,
    /// JSON, XML and mail-header metadata.
    pub document: u64,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            rpm_database: 512 * MIB,
            executable: 512 * MIB,
            archive: 256 * MIB,
            package_text: 128 * MIB,
            document: 16 * MIB,
        }
    }
}

/// Returns the CPU time the calling thread has used.
fn thread_cpu_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        spent.tv_sec.try_into().unwrap_or_default(),
        spent.tv_nsec.try_into().unwrap_or_default(),
    )
}
