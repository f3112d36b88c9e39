//! `tidegate migrate`: to another database, to another storage, or both.

use std::time::Instant;

use anyhow::Context as _;
use jiff::Timestamp;
use secrecy::SecretString;
use server::migrate::{Migrated, Migration, Place, Progress};

use crate::command::config::refused;
use crate::config::{Environment, Flags, ServeConfig};
use crate::exit::{Exit, Failure};
use crate::output::{Output, plain};

/// Objects between two lines of progress.
const OBJECTS_PER_LINE: u64 = 1000;

/// Move everything to another database, to another storage, or both
///
/// What the configuration names is the source, and it is only read. Stop the service first. Every object is hashed in
/// the source and again in the target, every table is counted and compared. A migration that was interrupted goes on
/// with the same command. Unfinished uploads stay behind; clients start them again.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: tidegate migrate --to-database postgres://tidegate@db/tidegate --to-storage s3://images/tidegate"
)]
pub(crate) struct Args {
    /// Copy the rows into this empty database (`sqlite:FILE` or `postgres://…`)
    #[arg(long, value_name = "URL")]
    to_database: Option<String>,

    /// Copy the blobs to this storage (`files` or `s3://BUCKET/PREFIX`); the `s3_…` settings lead there
    #[arg(long, value_name = "PLACE")]
    to_storage: Option<String>,

    #[command(flatten)]
    flags: Flags,
}

/// Moves what is asked for, and says what was moved.
pub(crate) fn run(args: &Args, now: Timestamp, output: &mut Output) -> Result<Exit, Failure> {
    if args.to_database.is_none() && args.to_storage.is_none() {
        return Err(
            Failure::usage(anyhow::anyhow!("there is nowhere to migrate to"))
                .with_hint("Name a target with --to-database, --to-storage, or both."),
        );
    }
    let environment: Environment = std::env::vars_os().collect();
    let (config, storage) =
        ServeConfig::load_with_target(&args.flags, &environment, args.to_storage.as_deref())
            .map_err(refused)?;
    let database = args.to_database.clone().map(SecretString::from);
    let migration = Migration {
        from: Place {
            database: &config.database,
            storage: &config.storage,
            data: &config.data,
        },
        to_database: database.as_ref(),
        to_storage: storage.as_ref(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let started = Instant::now();
    let mut objects = 0_u64;
    let migrated = runtime.block_on(server::migrate::run(
        &migration,
        now,
        |progress| match progress {
            Progress::Object { .. } => {
                objects += 1;
                if objects.is_multiple_of(OBJECTS_PER_LINE) {
                    output.note(&format!("{objects} objects"));
                }
            }
            Progress::Table(table) => {
                output.note(&format!("{}: {} rows", plain(&table.name), table.rows));
            }
        },
    ));
    let migrated = migrated.map_err(|error| {
        Failure::new(error).with_hint(
            "Nothing in the source was changed. The same command goes on where it stopped.",
        )
    })?;
    summary(&migrated, args, started.elapsed().as_secs_f64(), output)?;
    Ok(Exit::Pass)
}

fn summary(
    migrated: &Migrated,
    args: &Args,
    seconds: f64,
    output: &mut Output,
) -> Result<(), Failure> {
    if args.to_storage.is_some() {
        output.data(&format!(
            "{} objects copied, {} were there already, {} bytes in all; each hashed on both sides\n",
            migrated.copied, migrated.verified, migrated.bytes
        ))?;
    }
    if let Some(catalog) = &migrated.catalog {
        let rows: u64 = catalog.tables.iter().map(|table| table.rows).sum();
        let tables = catalog.tables.len();
        output.data(&format!(
            "{rows} rows of {tables} tables copied and compared\n"
        ))?;
        if catalog.uploads_left > 0 {
            output.warning(&format!(
                "{} unfinished uploads stay behind, clients start them again",
                catalog.uploads_left
            ));
        }
    }
    output.note(&format!("done in {seconds:.1} s"));
    output.hint("Set `database` and `storage` to the new places, then start the service. The source is as it was.");
    Ok(())
}
