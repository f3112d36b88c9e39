//! The programs that are known, one row each.
//!
//! A pattern begins with its own text, so that a search passes over everything else quickly, and ends where the version
//! ends. The sample is what a real program contains around it; a test reads it.
//!
//! # Source
//! The programs of Debian 12 and of the Rust project, looked at with `strings`; each prints the same with its own
//! `--version`.

/// A known program.
pub(super) struct Class {
    /// The name it is listed by.
    pub(super) product: &'static str,
    /// Names of its files; `*` is anything.
    names: &'static [&'static str],
    /// How its version stands in it; the first group is the version.
    pub(super) pattern: &'static str,
    /// Whether the file's name has the first two numbers of the version, which tells it from other numbers like it.
    pub(super) is_in_name: bool,
    /// How names of packages of the operating system begin that bring it.
    pub(super) owners: &'static [&'static str],
    /// A file's name, what it contains, and the version.
    #[cfg(test)]
    pub(super) sample: (&'static str, &'static [u8], &'static str),
}

impl Class {
    /// Returns whether a file's name is one of its names.
    pub(super) fn has(&self, name: &[u8]) -> bool {
        self.names.iter().any(|glob| matches(glob.as_bytes(), name))
    }
}

/// Each `*` takes as little as it can, which is enough: no name has two of the same text behind a `*`.
fn matches(glob: &[u8], name: &[u8]) -> bool {
    let mut parts = glob.split(|byte| *byte == b'*');
    let Some(mut rest) = parts.next().and_then(|begin| name.strip_prefix(begin)) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = memchr::memmem::find(rest, part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

macro_rules! classes {
    ($($product:literal {
        names: $names:expr,
        pattern: $pattern:literal,
        $(is_in_name: $is_in_name:literal,)?
        owners: $owners:expr,
        sample: $sample:expr,
    })+) => {
        pub(super) const CLASSES: &[Class] = &[$(Class {
            product: $product,
            names: &$names,
            pattern: $pattern,
            is_in_name: false $(|| $is_in_name)?,
            owners: &$owners,
            #[cfg(test)]
            sample: $sample,
        },)+];
    };
}

classes! {
    "bash" {
        names: ["bash"],
        pattern: r"@\(#\)Bash version (\d+\.\d+\.\d+)",
        owners: ["bash"],
        sample: ("bash", b"\0@(#)Bash version 5.2.15(1) release GNU\0", "5.2.15"),
    }
    "busybox" {
        names: ["busybox*", "[", "ash"],
        pattern: r"BusyBox v(\d+\.\d+\.\d+)",
        owners: ["busybox"],
        sample: ("busybox", b"\0BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1)\0", "1.35.0"),
    }
    "curl" {
        names: ["curl", "libcurl*.so*"],
        pattern: r"curl/(\d+\.\d+\.\d+)",
        owners: ["curl", "libcurl"],
        sample: ("curl", b"\0curl/7.88.1\0", "7.88.1"),
    }
    "git" {
        names: ["git", "git-upload-pack"],
        pattern: r"git/(\d+\.\d+\.\d+)[^\x00]{0,40}\x00",
        owners: ["git"],
        sample: ("git", b"\0git/2.47.3\0\x32.47.3\0", "2.47.3"),
    }
    "haproxy" {
        names: ["haproxy"],
        pattern: r" version (\d+\.\d+(?:\.\d+|-dev\d+))[^,\x00]{0,40}, released \d{4}/",
        owners: ["haproxy"],
        sample: ("haproxy", b"\0HAProxy version 2.6.12-1+deb12u4, released 2026/10/17\0", "2.6.12"),
    }
    "httpd" {
        names: ["apache2", "httpd"],
        pattern: r"Apache/(\d+\.\d+\.\d+)",
        owners: ["apache2", "httpd"],
        sample: ("httpd", b"\0Apache/2.4.71\0\0Apache/2.4.71 (Debian)\0", "2.4.71"),
    }
    "mariadb" {
        names: ["mariadbd", "mysqld"],
        pattern: r"(\d+\.\d+\.\d+)-MariaDB",
        owners: ["mariadb"],
        sample: ("mariadbd", b"\0\x31\x30.11.19-MariaDB\0", "10.11.19"),
    }
    "memcached" {
        names: ["memcached"],
        pattern: r"memcached (\d+\.\d+\.\d+)",
        owners: ["memcached"],
        sample: ("memcached", b"\0memcached 1.6.18\0", "1.6.18"),
    }
    "nginx" {
        names: ["nginx", "nginx-debug"],
        pattern: r"nginx/(\d+\.\d+\.\d+)",
        owners: ["nginx"],
        sample: ("nginx", b"\0nginx version: nginx/1.22.1\0", "1.22.1"),
    }
    "node" {
        names: ["node", "nodejs", "libnode.so*"],
        pattern: r"node-v(\d+\.\d+\.\d+)(?:-headers)?\.tar\.gz",
        owners: ["nodejs", "libnode"],
        sample: ("node", b"release/v20.20.2/node-v20.20.2.tar.gz\0", "20.20.2"),
    }
    "openjdk" {
        names: ["libjvm.so"],
        pattern: r"\x00(\d{1,2}(?:\.\d+){0,4}\+\d{1,3})(?:-[A-Za-z0-9.~+-]{1,40})?\x00",
        owners: ["openjdk", "java-", "temurin", "zulu", "msopenjdk"],
        sample: ("libjvm.so", b"\0\x31\x37.0.15+6-Debian-1deb12u1\0", "17.0.15+6"),
    }
    "openssl" {
        names: ["openssl", "libcrypto.so*"],
        pattern: r"OpenSSL (\d\.\d+\.\d+[a-z]{0,2}) +\d{1,2} [A-Z][a-z]{2} \d{4}",
        owners: ["openssl", "libssl", "libcrypto"],
        sample: ("libcrypto.so.3", b"\0OpenSSL 3.0.22 25 Aug 2026\0", "3.0.22"),
    }
    "perl" {
        names: ["perl*", "libperl.so*"],
        pattern: r"\x00v(5\.\d{1,2}\.\d{1,2})\x00",
        owners: ["perl", "libperl"],
        sample: ("perl5.36.0", b"\0v5.36.0\0", "5.36.0"),
    }
    "php" {
        names: ["php*", "libphp*.so*"],
        pattern: r"X-Powered-By: PHP/(\d+\.\d+\.\d+(?:(?:alpha|beta|RC)\d+)?)",
        owners: ["php", "libphp", "libapache2-mod-php"],
        sample: ("php8.2", b"\0X-Powered-By: PHP/8.2.36\0", "8.2.36"),
    }
    "postgresql" {
        names: ["postgres"],
        pattern: r"PostgreSQL (\d+(?:(?:\.\d+)+|(?:alpha|beta|rc)\d+))(?: \([^)\x00]{0,80}\))? on ",
        owners: ["postgresql"],
        sample: (
            "postgres",
            b"before PostgreSQL 9.1.\0PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc\0",
            "15.18",
        ),
    }
    "python" {
        names: ["python2*", "python3*", "libpython2*.so*", "libpython3*.so*"],
        pattern: r"\x00([23]\.\d{1,2}\.\d{1,2}(?:(?:a|b|rc)\d{1,2})?)\+?\x00",
        is_in_name: true,
        owners: ["python", "libpython"],
        sample: ("libpython3.11.so.1.0", b"\0\x33.40.1\0\0\x33.11.2\0", "3.11.2"),
    }
    "redis" {
        names: ["redis-server", "redis-check-rdb", "redis-check-aof"],
        // The version, the machine and second of the build, and the revision, which releases do not have.
        pattern: r"[^0-9.](\d{1,2}\.\d{1,2}\.\d{1,2})(?:[A-Za-z][A-Za-z0-9._-]{0,60}-)?\d{10}[01]0{8}\x00",
        owners: ["redis"],
        sample: ("redis-server", b"redisA7.0.151790282056000000000\0", "7.0.15"),
    }
    "ruby" {
        names: ["ruby*", "libruby*.so*"],
        pattern: r"ruby (\d+\.\d+\.\d+)[a-z0-9]{0,8} \(\d{4}-\d{2}-\d{2} ",
        owners: ["ruby", "libruby"],
        sample: (
            "libruby-3.1.so.3.1",
            b"\0ruby 3.1.7p261 (2025-03-26 revision 0a3704f218) [x86_64-linux-gnu]\0",
            "3.1.7",
        ),
    }
    "rust" {
        names: ["librustc_driver*.so"],
        pattern: r"(\d+\.\d+\.\d+(?:-(?:beta\.\d+|nightly))?) \([0-9a-f]{9} \d{4}-\d{2}-\d{2}\)",
        owners: ["rust", "librust", "libstd-rust"],
        sample: (
            "librustc_driver-6108105cd7e839cf.so",
            b"error1.95.0 (59807616e 2026-04-14)target-abi",
            "1.95.0",
        ),
    }
    "sqlite" {
        names: ["libsqlite3.so*", "sqlite3"],
        pattern: r"\x00(3\.\d{1,2}\.\d{1,2})\x00",
        owners: ["libsqlite3", "sqlite"],
        sample: ("libsqlite3.so.0.8.6", b"\0\x33.40.1\0", "3.40.1"),
    }
}
