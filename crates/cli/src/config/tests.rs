//! Precedence, and every way to misspell something.

use rstest::rstest;

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs
        .iter()
        .chain(&[("HOME", "/home/somebody")])
        .map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .collect()
}

/// A configuration file in a folder of its own.
fn file(text: &str) -> (tempfile::TempDir, Flags) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.toml");
    crate::output::write_file(&path, text.as_bytes()).expect("written");
    let flags = Flags {
        config: Some(path),
        ..Flags::default()
    };
    (folder, flags)
}

fn row(settings: &Settings, name: &str) -> (Option<String>, Origin) {
    settings
        .rows()
        .find(|(setting, _, _)| setting.name == name)
        .map(|(_, value, origin)| (value.map(str::to_owned), origin.clone()))
        .expect("a row")
}

#[test]
fn a_flag_wins_over_the_environment_which_wins_over_the_file_which_wins_over_the_default() {
    let (_folder, mut flags) = file("# first\nlisten = \"127.0.0.1:1\"\n");
    let path = flags.config.clone().expect("a file");

    let settings = Settings::collect(&flags, &environment(&[])).expect("settings");
    assert_eq!(
        row(&settings, "listen"),
        (Some("127.0.0.1:1".into()), Origin::File { path, line: 2 })
    );
    assert_eq!(
        row(&settings, "log_level"),
        (Some("info".into()), Origin::Default)
    );

    let variables = environment(&[("TIDEGATE_LISTEN", "127.0.0.1:2")]);
    let settings = Settings::collect(&flags, &variables).expect("settings");
    assert_eq!(
        row(&settings, "listen"),
        (Some("127.0.0.1:2".into()), Origin::Environment)
    );

    flags.listen = Some("127.0.0.1:3".into());
    let settings = Settings::collect(&flags, &variables).expect("settings");
    assert_eq!(
        row(&settings, "listen"),
        (Some("127.0.0.1:3".into()), Origin::Flag)
    );
}

#[test]
fn what_lies_in_the_data_folder_follows_it() {
    let flags = Flags {
        data: Some("/srv/tidegate".into()),
        config: Some(file_of_nothing()),
        ..Flags::default()
    };
    let config = ServeConfig::load(&flags, &environment(&[])).expect("a configuration");
    assert_eq!(config.data, PathBuf::from("/srv/tidegate"));
    assert_eq!(
        config.advisories,
        PathBuf::from("/srv/tidegate/advisories.tgdb")
    );
    assert_eq!(config.listen.to_string(), "127.0.0.1:5000");
    assert_eq!(config.log_format, LogFormat::Text);
}

/// A file without keys: the test must not depend on the system's file.
fn file_of_nothing() -> PathBuf {
    "/dev/null".into()
}

#[rstest]
#[case(&[("XDG_DATA_HOME", "/data")], Some("/data/tidegate"))]
#[case(&[("XDG_DATA_HOME", "relative")], Some("/home/somebody/.local/share/tidegate"))]
#[case(&[], Some("/home/somebody/.local/share/tidegate"))]
fn the_data_folder_follows_the_base_directory_specification(
    #[case] pairs: &[(&str, &str)],
    #[case] expected: Option<&str>,
) {
    assert_eq!(
        data_folder(&environment(pairs)),
        expected.map(PathBuf::from)
    );
}

#[rstest]
#[case("a = 1\n", "unknown key `a`", "prints every setting")]
#[case(
    "# c\n\nlisen = \"x\"\n",
    "line 3: unknown key `lisen`",
    "Did you mean `listen`?"
)]
#[case(
    "admin_password = \"x\"\n",
    "unknown key `admin_password`",
    "TIDEGATE_ADMIN_PASSWORD"
)]
#[case("[server]\nlisten = \"x\"\n", "line 1: unknown key `server`", "")]
#[case("listen = 5000\n", "line 1: `listen` must be a string in quotes", "")]
#[case("listen = \"5000\"\n", "`listen` is `5000`", "")]
#[case("listen = \"a\"\nlisten = \"b\"\n", "line 2: not valid TOML", "")]
#[case("listen = \n", "line 1: not valid TOML", "")]
#[case("database = \"mysql://x\"\n", "`database` is `mysql://x`", "")]
#[case("log_format = \"xml\"\n", "expected `text` or `json`", "")]
#[case("log_level = \"loud\"\n", "`log_level` is `loud`", "")]
#[case(
    "external_url = \"https://r.example.com/path\"\n",
    "without a path",
    ""
)]
#[case(
    "admin_password_file = \"/nowhere\"\n",
    "cannot read the administrator's password",
    ""
)]
fn a_mistake_in_the_file_is_named(#[case] text: &str, #[case] message: &str, #[case] hint: &str) {
    let (_folder, flags) = file(text);
    let error = ServeConfig::load(&flags, &environment(&[])).expect_err("a mistake");
    assert!(error.to_string().contains(message), "{error}");
    assert!(error.hint().contains(hint), "{}", error.hint());
}

#[test]
fn an_unknown_variable_is_named_with_the_nearest_one() {
    let flags = Flags {
        config: Some(file_of_nothing()),
        ..Flags::default()
    };
    let error =
        Settings::collect(&flags, &environment(&[("TIDEGATE_LISTN", "x")])).expect_err("a mistake");
    assert_eq!(
        error.to_string(),
        "unknown environment variable `TIDEGATE_LISTN`"
    );
    assert_eq!(error.hint(), "Did you mean `TIDEGATE_LISTEN`?");
}

#[test]
fn the_password_comes_from_the_environment_or_a_file_and_is_never_shown() {
    let (folder, mut flags) = file("");
    let path = folder.path().join("password");
    crate::output::write_file(&path, b"from the file\n").expect("written");
    flags.admin_password_file = Some(path.to_string_lossy().into_owned());

    let show = |variables: &[(&str, &str)]| {
        let config = ServeConfig::load(&flags, &environment(variables)).expect("a configuration");
        assert!(!format!("{config:?}").contains("from the"));
        secrecy::ExposeSecret::expose_secret(&config.admin_password.expect("a password")).to_owned()
    };
    assert_eq!(show(&[]), "from the file");
    assert_eq!(
        show(&[("TIDEGATE_ADMIN_PASSWORD", "from the variable")]),
        "from the variable"
    );
}

#[test]
fn the_file_of_sign_in_settings_is_checked_with_the_rest() {
    let (folder, mut flags) = file("");
    let path = folder.path().join("sign-in.toml");
    flags.sign_in = Some(path.to_string_lossy().into_owned());
    let load = |text: &str| {
        crate::output::write_file(&path, text.as_bytes()).expect("written");
        ServeConfig::load(&flags, &environment(&[]))
    };
    let provider = "[[oidc]]\nid = \"sso\"\nname = \"SSO\"\nissuer = \"https://id.example.com\"\nclient_id = \"tidegate\"\n";
    let config = load(provider).expect("a configuration");
    assert_eq!(config.sign_in.oidc[0].id, "sso");
    let error = load(&format!("{provider}secret = \"x\"\n")).expect_err("a mistake");
    assert!(error.hint().contains("docs/guides/sign-in.md"));
    let cause = std::error::Error::source(&error)
        .expect("a cause")
        .to_string();
    assert!(cause.contains("unknown field `secret`"), "{cause}");
    assert!(cause.contains("line 6"), "{cause}");
}
