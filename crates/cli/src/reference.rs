//! The generated reference pages, and the tests that keep them fresh. `UPDATE=1 cargo test -p tidegate` rewrites them.

use std::fmt::Write;
use std::path::Path;

use clap::CommandFactory;

use crate::config::SETTINGS;

/// Compares a page with the committed one, or rewrites it.
#[track_caller]
fn check(page: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/reference")
        .join(page);
    if std::env::var_os("UPDATE").is_some() {
        fs_err::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        crate::output::write_file(&path, text.as_bytes()).expect("written");
    }
    let committed = fs_err::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "docs/reference/{page} is stale: run UPDATE=1 cargo test -p tidegate"
    );
}

#[test]
fn the_page_of_the_command_line_is_fresh() {
    let mut text = String::from(
        "# Command line\n\nGenerated from the program; `UPDATE=1 cargo test -p tidegate` rewrites this page.\n",
    );
    let mut command = crate::Cli::command()
        .term_width(100)
        .disable_help_subcommand(true);
    command.build();
    describe(&mut command, &mut text);
    check("cli.md", &text);
}

fn describe(command: &mut clap::Command, text: &mut String) {
    let name = command.get_bin_name().unwrap_or("tidegate").to_owned();
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    writeln!(
        text,
        "\n## `{name}`\n\n```text\n{}\n```",
        lines.join("\n").trim_end()
    )
    .expect("writing to a string");
    for subcommand in command.get_subcommands_mut() {
        if !subcommand.is_hide_set() {
            describe(subcommand, text);
        }
    }
}

#[test]
fn the_page_of_the_configuration_is_fresh() {
    let mut text = String::from(
        "# Configuration\n\nGenerated from the program; `UPDATE=1 cargo test -p tidegate` rewrites this page.\n\n\
         A value comes from the first of: the option, the environment variable, the configuration file, the default. The\n\
         file is TOML; it is the one named by `--config` or `TIDEGATE_CONFIG`, else `/etc/tidegate/config.toml` if that is\n\
         there. Every value is a string. An unknown key, or an unknown variable that begins with `TIDEGATE_`, is an error.\n\n\
         | Key | Option | Variable | Form | Default | Meaning |\n|---|---|---|---|---|---|\n",
    );
    for setting in SETTINGS {
        let default = setting
            .default
            .map_or_else(|| setting.otherwise.to_owned(), |text| format!("`{text}`"));
        writeln!(
            text,
            "| `{}` | `--{}` | `{}` | {} | {default} | {} |",
            setting.name,
            setting.name.replace('_', "-"),
            setting.variable(),
            setting.form,
            setting.meaning,
        )
        .expect("writing to a string");
    }
    text.push_str(
        "\nThe first administrator's password is a secret and does not stand in the file: set `TIDEGATE_ADMIN_PASSWORD`, or\n\
         name a file with `admin_password_file`. So is the object store's key: set `TIDEGATE_S3_ACCESS_KEY_ID` and\n\
         `TIDEGATE_S3_SECRET_ACCESS_KEY`, or name a file with `s3_credentials_file`.\n\n\
         `tidegate config check` finds mistakes before the service does; `tidegate config show --origin` prints every value\n\
         and where it comes from.\n",
    );
    check("configuration.md", &text);
}
