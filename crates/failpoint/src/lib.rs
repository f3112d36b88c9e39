//! Named places before and after each step that must survive the end of the process.
//!
//! Code calls [`before`] and [`after`] around a write, sync, rename, commit or delete. In the program that people run both
//! are empty. With the feature `armed`, which only the tests of the program switch on, the process kills itself (as
//! `kill -9` does: no destructor, no flush) at the place that the file named by [`VARIABLE`] names.
//!
//! What it does not do: it injects no errors and no delays; those are the business of whoever answers the call.
//!
//! Adding a place: a variant of [`Step`] with its name, the two calls, and work that gets there in the crash tests of
//! the program, which fail for a place that nothing reaches.

/// The variable that names the file with the armed place: `before object.rename`, or `before object.rename 3` for the
/// third time. The file is read each time, so that a test arms a running process.
pub const VARIABLE: &str = "FAILPOINT_FILE";

macro_rules! steps {
    ($($(#[$text:meta])* $step:ident = $name:literal,)+) => {
        /// A step that must survive the end of the process.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Step {
            $($(#[$text])* $step,)+
        }

        impl Step {
            /// Every step.
            pub const ALL: &[Self] = &[$(Self::$step,)+];

            /// Returns its name in the file.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$step => $name,)+
                }
            }
        }
    };
}

steps! {
    /// The row of an upload is inserted.
    UploadRow = "upload.row",
    /// The staged file is created.
    StagedCreate = "staged.create",
    /// A batch is written to the staged file.
    StagedWrite = "staged.write",
    /// The staged bytes are made durable.
    StagedSync = "staged.sync",
    /// The row of an upload moves to what is durable.
    UploadAdvance = "upload.advance",
    /// The row of an upload that is given up is deleted.
    UploadClose = "upload.close",
    /// The staged file of an upload that is given up is deleted.
    StagedDelete = "staged.delete",
    /// The whole object is made durable.
    ObjectSync = "object.sync",
    /// The staged file becomes the object.
    ObjectRename = "object.rename",
    /// The directory that holds the object is made durable.
    DirectorySync = "directory.sync",
    /// An object is deleted.
    ObjectDelete = "object.delete",
    /// A blob becomes visible.
    BlobPublish = "blob.publish",
    /// A blob is linked into another repository.
    BlobMount = "blob.mount",
    /// A blob leaves a repository.
    BlobUnlink = "blob.unlink",
    /// A manifest with its tags becomes visible.
    ManifestPut = "manifest.put",
    /// A manifest is deleted.
    ManifestDelete = "manifest.delete",
    /// A tag is deleted.
    TagDelete = "tag.delete",
    /// A pass of collection is committed.
    Collect = "collect",
    /// Deleted objects are forgotten.
    TrashForget = "trash.forget",
    /// A multipart upload is begun in the bucket.
    BucketBegin = "bucket.begin",
    /// A part is sent to the bucket.
    BucketPart = "bucket.part",
    /// A multipart upload becomes its object.
    BucketComplete = "bucket.complete",
    /// An object, or the tail of an upload, is written to the bucket whole.
    BucketPut = "bucket.put",
    /// Objects are deleted from the bucket.
    BucketDelete = "bucket.delete",
    /// Rows arrive in the database that everything is moved to.
    TransferRows = "transfer.rows",
}

impl Step {
    /// Returns whether only a store in a bucket gets there.
    pub fn is_of_bucket(self) -> bool {
        self.name().starts_with("bucket.")
    }

    /// Returns whether only moving everything elsewhere gets there.
    pub fn is_of_transfer(self) -> bool {
        self.name().starts_with("transfer.")
    }

    /// Returns whether only a store of files gets there.
    pub fn is_of_files(self) -> bool {
        let of_files = ["staged.", "object.", "directory."];
        of_files.iter().any(|area| self.name().starts_with(area))
    }
}

/// The place before a step.
#[inline]
pub fn before(step: Step) {
    reach("before", step);
}

/// The place after a step.
#[inline]
pub fn after(step: Step) {
    reach("after", step);
}

#[cfg(not(feature = "armed"))]
#[inline]
fn reach(_edge: &str, _step: Step) {}

/// Ends the process if this is the armed place, for the time it is armed for.
#[cfg(feature = "armed")]
fn reach(edge: &str, step: Step) {
    use std::path::PathBuf;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    static REACHED: AtomicU64 = AtomicU64::new(0);

    let Some(file) = FILE.get_or_init(|| std::env::var_os(VARIABLE).map(PathBuf::from)) else {
        return;
    };
    let armed = std::fs::read_to_string(file).unwrap_or_default();
    let mut words = armed.split_whitespace();
    if words.next() != Some(edge) || words.next() != Some(step.name()) {
        return;
    }
    let wanted = words.next().and_then(|word| word.parse().ok()).unwrap_or(1);
    if REACHED.fetch_add(1, Ordering::Relaxed) + 1 < wanted {
        return;
    }
    let killed =
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // Nothing after this place may happen, not even while the signal is on its way.
    while killed.is_ok() {
        std::thread::park();
    }
}
