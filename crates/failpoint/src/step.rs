//! The steps, each with its name in the file that arms one.

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
    /// The staged file is opened, to go on with it or to read it.
    StagedOpen = "staged.open",
    /// The staged file is cut at the durable offset.
    StagedCut = "staged.cut",
    /// A batch is written to the staged file.
    StagedWrite = "staged.write",
    /// The staged bytes are made durable.
    StagedSync = "staged.sync",
    /// The directory of the staged files is made durable.
    StagedDirectorySync = "staged.directory-sync",
    /// The staged bytes are read again, to be hashed otherwise.
    StagedRead = "staged.read",
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
    /// What the directory of an object is in is made durable.
    FanOutSync = "object.fan-out-sync",
    /// The directory that holds the object is made durable.
    DirectorySync = "directory.sync",
    /// An object is opened.
    ObjectOpen = "object.open",
    /// A chunk of an object is read.
    ObjectRead = "object.read",
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
    /// Returns whether a process that dies there leaves nothing of its own behind: the step only looks, or takes away what
    /// nobody was promised.
    pub fn leaves_nothing(self) -> bool {
        use Step::{ObjectOpen, ObjectRead, StagedCut, StagedOpen, StagedRead};
        matches!(
            self,
            StagedCut | StagedOpen | StagedRead | ObjectOpen | ObjectRead
        )
    }

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
