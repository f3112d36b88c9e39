//! A real directory: Debian's slapd, with a database and certificates of its own in a temporary folder.

use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::write;

pub(crate) const BASE: &str = "dc=example,dc=com";
pub(crate) const SEARCHER_PASSWORD: &str = "canary-searcher-4Kp";

/// A running slapd. Dropping it ends the process.
pub(crate) struct Slapd {
    folder: tempfile::TempDir,
    pub(crate) plain: u16,
    pub(crate) encrypted: u16,
    process: Option<Child>,
}

/// Entries of the test's directory; `{S}` is a space that a line of LDIF must not begin with.
const PEOPLE: &str = "
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=com
objectClass: organizationalUnit
ou: groups

dn: cn=searcher,dc=example,dc=com
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: searcher
userPassword: canary-searcher-4Kp

dn: uid=alice,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: Alice
sn: Example
mail: alice@example.com
userPassword: alice-password

dn: uid=bob,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: Example
userPassword: bob-password

dn: uid=o\\2Cdd (x)*,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: o,dd (x)*
cn: Odd
sn: Example
userPassword: odd-password

dn: uid=nopassword,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: nopassword
cn: None
sn: Example

dn: uid=admin,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: admin
cn: Not the administrator here
sn: Example
userPassword: directory-admin-password

dn: cn=dev,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: dev
member: uid=alice,ou=people,dc=example,dc=com

dn: cn=ops,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: ops
member: uid=bob,ou=people,dc=example,dc=com

dn: ou=elsewhere,ou=people,dc=example,dc=com
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://127.0.0.1:1/ou=people,dc=example,dc=org
";

impl Slapd {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        certificates(path);
        std::fs::create_dir(path.join("db")).unwrap();
        let configuration = format!(
            "include /etc/ldap/schema/core.schema\n\
             include /etc/ldap/schema/cosine.schema\n\
             include /etc/ldap/schema/inetorgperson.schema\n\
             modulepath /usr/lib/ldap\n\
             moduleload back_mdb\n\
             pidfile {0}/slapd.pid\n\
             TLSCACertificateFile {0}/ca.pem\n\
             TLSCertificateFile {0}/server.pem\n\
             TLSCertificateKeyFile {0}/server.key\n\
             allow bind_anon_cred\n\
             database mdb\n\
             suffix \"{BASE}\"\n\
             rootdn \"cn=root,{BASE}\"\n\
             rootpw root-password\n\
             directory {0}/db\n\
             maxsize 16777216\n\
             access to attrs=userPassword by anonymous auth by * none\n\
             access to * by dn.exact=\"cn=searcher,{BASE}\" read by anonymous auth by * none\n",
            path.display()
        );
        write(path, "slapd.conf", configuration.as_bytes());
        let ldif = write(path, "people.ldif", PEOPLE.trim_start().as_bytes());
        run(Command::new("/usr/sbin/slapadd")
            .args(["-q", "-f"])
            .arg(path.join("slapd.conf"))
            .arg("-l")
            .arg(ldif));
        let (plain, encrypted) = (free_port(), free_port());
        let mut slapd = Self {
            folder,
            plain,
            encrypted,
            process: None,
        };
        slapd.resume();
        slapd
    }

    /// Starts the process on the ports it had.
    pub(crate) fn resume(&mut self) {
        let mut command = Command::new("/usr/sbin/slapd");
        command
            .args(["-d", "0", "-f"])
            .arg(self.folder.path().join("slapd.conf"))
            .arg("-h")
            .arg(format!(
                "ldap://127.0.0.1:{}/ ldaps://127.0.0.1:{}/",
                self.plain, self.encrypted
            ))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        self.process = Some(command.spawn().unwrap());
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.encrypted)).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "slapd does not listen"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate that did not sign the directory's.
    pub(crate) fn other_ca_file(&self) -> PathBuf {
        self.folder.path().join("other-ca.pem")
    }

    /// Changes the directory, with the rights of its owner.
    pub(crate) async fn change(&self, change: impl AsyncFnOnce(&mut ldap3::Ldap)) {
        let url = format!("ldap://127.0.0.1:{}", self.plain);
        let (connection, mut ldap) = ldap3::LdapConnAsync::new(&url).await.unwrap();
        let driver = tokio::spawn(async move { connection.drive().await });
        let bound = ldap
            .simple_bind(&format!("cn=root,{BASE}"), "root-password")
            .await;
        bound.unwrap().success().unwrap();
        change(&mut ldap).await;
        ldap.unbind().await.unwrap();
        driver.await.unwrap().unwrap();
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes a certificate authority, one that is somebody else's, and the server's certificate for `localhost`.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        run(Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(folder));
    };
    let extensions =
        "basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n";
    write(folder, "extensions", extensions.as_bytes());
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    for ca in ["ca", "other-ca"] {
        openssl(&format!(
            "req -x509 {key} -keyout {ca}.key -out {ca}.pem -subj /CN={ca} -days 2"
        ));
    }
    openssl(&format!(
        "req {key} -keyout server.key -out server.csr -subj /CN=localhost"
    ));
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile extensions",
    );
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
