//! `tidegate admin password`.

use std::path::PathBuf;

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::Context;
use crate::config::{Flags, ServeConfig};
use crate::exit::Failure;
use crate::output::{Output, plain};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The account
    #[arg(default_value = "admin")]
    account: String,

    /// Read the password from this file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    #[command(flatten)]
    pub(super) flags: Flags,
}

pub(super) async fn perform(
    args: &Args,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let password = given(args.password_file.as_ref(), context.config)?;
    context
        .admin
        .set_password(&args.account, &password, context.now)
        .await
        .map_err(Failure::new)?;
    output.say(&format!(
        "the password of `{}` is set, its sessions and tokens ended",
        plain(&args.account)
    ));
    Ok(())
}

/// Reads a password. It is never an argument: process lists show those.
pub(super) fn given(file: Option<&PathBuf>, config: &ServeConfig) -> Result<SecretString, Failure> {
    let password = match file {
        Some(path) => {
            let text = fs_err::read_to_string(path).context("cannot read the password")?;
            Some(SecretString::from(
                text.trim_end_matches(['\r', '\n']).to_owned(),
            ))
        }
        None => config.admin_password.clone(),
    };
    password.filter(|password| !password.expose_secret().is_empty()).ok_or_else(|| {
        Failure::usage(anyhow::anyhow!("there is no password to set"))
            .with_hint("Write it to a file and name that with --password-file, or set TIDEGATE_ADMIN_PASSWORD.")
    })
}
