//! The table of settings.

/// One setting of the service.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The key in the file. Its option is `--name` with dashes, its variable `TIDEGATE_NAME`.
    pub(crate) name: &'static str,
    /// The form of the value, for people.
    pub(crate) form: &'static str,
    /// The default, where it is one text for everybody.
    pub(crate) default: Option<&'static str>,
    /// The default, for people, where it depends on something.
    pub(crate) otherwise: &'static str,
    /// What it means, in one sentence.
    pub(crate) meaning: &'static str,
}

impl Setting {
    /// Returns the environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("TIDEGATE_{}", self.name.to_ascii_uppercase())
    }
}

/// All settings, in the order in which they are shown.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        name: "data",
        form: "a folder",
        default: None,
        otherwise: "`$XDG_DATA_HOME/tidegate`, else `~/.local/share/tidegate`",
        meaning: "Everything the service keeps lies in this folder; it is created on first start.",
    },
    Setting {
        name: "listen",
        form: "an address and a port (`127.0.0.1:5000`)",
        default: Some("127.0.0.1:5000"),
        otherwise: "",
        meaning: "HTTP is served here.",
    },
    Setting {
        name: "database",
        form: "`sqlite:FILE` or `postgres://…`",
        default: None,
        otherwise: "`tidegate.db` in the data folder",
        meaning: "Names, people, evidence and jobs live in this database.",
    },
    Setting {
        name: "storage",
        form: "`files` or `s3://BUCKET/PREFIX`",
        default: Some("files"),
        otherwise: "",
        meaning: "Blobs live here: as files in the data folder, or as objects in a bucket that exists. `tidegate migrate` moves them.",
    },
    Setting {
        name: "s3_endpoint",
        form: "an `https://` or `http://` address without a path",
        default: None,
        otherwise: "Amazon's in the region",
        meaning: "The object store answers at this address.",
    },
    Setting {
        name: "s3_region",
        form: "a name (`eu-central-1`)",
        default: Some("us-east-1"),
        otherwise: "",
        meaning: "Requests to the object store are signed for this region.",
    },
    Setting {
        name: "s3_addressing",
        form: "`path` or `host`",
        default: Some("path"),
        otherwise: "",
        meaning: "Where requests name the bucket: in the path, or in the host's name.",
    },
    Setting {
        name: "s3_credentials_file",
        form: "a file with `aws_access_key_id = …` and `aws_secret_access_key = …`",
        default: None,
        otherwise: "none: `TIDEGATE_S3_ACCESS_KEY_ID` and `TIDEGATE_S3_SECRET_ACCESS_KEY`, else what the machine gives",
        meaning: "The key that signs requests to the object store is read from this file, unless both variables are set.",
    },
    Setting {
        name: "blob_redirect",
        form: "`on` or `off`",
        default: Some("off"),
        otherwise: "",
        meaning: "With `on`, clients fetch blobs from the object store itself, by a signed address that is valid for five minutes; they must reach `s3_endpoint`.",
    },
    Setting {
        name: "external_url",
        form: "an `https://` or `http://` address without a path",
        default: None,
        otherwise: "`http://` and the listening address",
        meaning: "People and clients reach the service at this address; links and tokens name it.",
    },
    Setting {
        name: "log_format",
        form: "`text` or `json`",
        default: Some("text"),
        otherwise: "",
        meaning: "Logs are written in this form, to standard error.",
    },
    Setting {
        name: "log_level",
        form: "a level, or filters such as `info,sqlx=warn`",
        default: Some("info"),
        otherwise: "",
        meaning: "How much is logged: `error`, `warn`, `info`, `debug` or `trace`.",
    },
    Setting {
        name: "policy",
        form: "a file",
        default: None,
        otherwise: "none: published policies, else the starter policy in audit mode",
        meaning: "This policy is published at start, as a new version when its text changed. Its own `scope` says where it applies; where none does, the starter policy does.",
    },
    Setting {
        name: "advisories",
        form: "a file",
        default: None,
        otherwise: "`advisories.tgdb` in the data folder",
        meaning: "The advisory snapshot; `tidegate advisories import` builds it.",
    },
    Setting {
        name: "metrics_listen",
        form: "an address and a port (`127.0.0.1:5000`)",
        default: None,
        otherwise: "beside everything else",
        meaning: "Metrics are served at an address of their own.",
    },
    Setting {
        name: "outbound_allow",
        form: "networks (`10.0.0.0/8`) and host names, parted by commas",
        default: None,
        otherwise: "none: public addresses only",
        meaning: "Private networks and hosts that upstreams, webhooks and identity providers may have.",
    },
    Setting {
        name: "outbound_ca_file",
        form: "a file",
        default: None,
        otherwise: "the machine's certificates alone",
        meaning: "Certificates (PEM) trusted for outgoing connections beside the machine's own.",
    },
    Setting {
        name: "outbound_proxy_file",
        form: "a file",
        default: None,
        otherwise: "none: connections are direct, also where the environment names a proxy",
        meaning: "The proxy of all outgoing connections is read from this file: an `http://` or `https://` address, which may hold a password.",
    },
    Setting {
        name: "trusted_proxies",
        form: "networks (`10.0.0.0/8`) and addresses, parted by commas",
        default: None,
        otherwise: "none: `X-Forwarded-*` headers are ignored",
        meaning: "Reverse proxies that are believed about the client's address, the scheme and the host.",
    },
    Setting {
        name: "sign_in",
        form: "a file",
        default: None,
        otherwise: "none: passwords kept here",
        meaning: "Identity providers and a directory to sign in with; `docs/guides/sign-in.md` explains the file.",
    },
    Setting {
        name: "deletion",
        form: "`on` or `off`",
        default: Some("on"),
        otherwise: "",
        meaning: "Whether clients may delete tags, manifests and blobs; `off` answers 405.",
    },
    Setting {
        name: "delete_referenced",
        form: "`refuse` or `allow`",
        default: Some("refuse"),
        otherwise: "",
        meaning: "Whether a manifest that an index holds, or a blob that a manifest holds, can be deleted all the same.",
    },
    Setting {
        name: "accept_404",
        form: "`on` or `off`",
        default: Some("off"),
        otherwise: "",
        meaning: "Whether a tag whose manifest has a type that the client's `Accept` does not name is 404, as some old engines expect; `off` serves it as it is.",
    },
    Setting {
        name: "sparse",
        form: "`none`, `index` or `all`",
        default: Some("index"),
        otherwise: "",
        meaning: "What manifests may leave out where a repository says nothing: nothing, children of an index, or layers and configurations too.",
    },
    Setting {
        name: "max_blob_bytes",
        form: "a number of bytes",
        default: Some("1099511627776"),
        otherwise: "",
        meaning: "The largest blob that is taken.",
    },
    Setting {
        name: "chunk_min_bytes",
        form: "a number of bytes",
        default: Some("0"),
        otherwise: "",
        meaning: "The chunk size that clients are asked to reach (`OCI-Chunk-Min-Length`); smaller chunks are taken too, 0 asks for nothing.",
    },
    Setting {
        name: "max_requests",
        form: "a number",
        default: Some("2048"),
        otherwise: "",
        meaning: "How many requests are answered at the same time; one more gets 429 and is told to come back.",
    },
    Setting {
        name: "verify_rate",
        form: "a number of bytes",
        default: Some("8388608"),
        otherwise: "",
        meaning: "How much of what is stored is read again and hashed in a second, at most; what is damaged is quarantined until it is sent again. 0 reads nothing.",
    },
    Setting {
        name: "verify_days",
        form: "a number of days",
        default: Some("30"),
        otherwise: "",
        meaning: "How long after the beginning of one round through everything stored the next round begins.",
    },
    Setting {
        name: "audit_keep_days",
        form: "a number of days",
        default: Some("365"),
        otherwise: "",
        meaning: "Older entries of the audit trail are packed; exports have them, pages and lists do not. 0 packs none for its age.",
    },
    Setting {
        name: "audit_keep_entries",
        form: "a number",
        default: Some("1000000"),
        otherwise: "",
        meaning: "So many entries of the audit trail are kept where pages and lists are read from, earlier ones are packed; 0 keeps all.",
    },
    Setting {
        name: "admin_password_file",
        form: "a file",
        default: None,
        otherwise: "none: a password is made and shown once",
        meaning: "The first administrator's password is read from this file, unless `TIDEGATE_ADMIN_PASSWORD` is set.",
    },
];

/// Returns the form of a setting's value.
pub(super) fn form(name: &str) -> &'static str {
    SETTINGS
        .iter()
        .find(|setting| setting.name == name)
        .map_or("", |setting| setting.form)
}

/// Returns the known name that a misspelt one probably means.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        // Beyond a third of its length a name is another word, not a slip.
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
        .map(|(_, known)| known.to_owned())
}
