//! `tidegate admin quota`: how much may be used.

use server::admin::QuotaBody;

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::{Output, plain};

const QUOTAS: &[Column] = &[
    ("SCOPE", "/scope"),
    ("USED BYTES", "/usedBytes"),
    ("LIMIT BYTES", "/limitBytes"),
    ("WARNS AT %", "/warnPercent"),
    ("REFUSES", "/refuses"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show what is used and what may be: of a scope, or every quota
    #[command(after_help = "Example: tidegate admin quota show namespace:acme")]
    Show {
        /// `system` or `namespace:NAME`
        scope: Option<String>,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Set how many bytes the system or a namespace may use
    #[command(
        after_help = "Example: tidegate admin quota set namespace:acme --bytes 50000000000 --refuse"
    )]
    Set {
        /// `system` or `namespace:NAME`
        scope: String,
        /// How many bytes
        #[arg(long, value_name = "COUNT")]
        bytes: u64,
        /// From how many hundredths on pushes carry a warning
        #[arg(long, value_name = "PERCENT", default_value_t = 80, value_parser = clap::value_parser!(u8).range(1..=100))]
        warn: u8,
        /// Refuse pushes beyond it; without, they only carry the warning
        #[arg(long)]
        refuse: bool,
        #[command(flatten)]
        flags: Flags,
    },
    /// Take the quota of the system or a namespace away
    #[command(after_help = "Example: tidegate admin quota remove namespace:acme")]
    Remove {
        /// `system` or `namespace:NAME`
        scope: String,
        #[command(flatten)]
        flags: Flags,
    },
}

flags_of!(Show, Set, Remove);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::Show { scope, shape, .. } => {
            let shown = match scope {
                Some(scope) => admin.quota(scope).await.map(|quota| vec![quota]),
                None => admin.quotas().await,
            };
            shape.list(&shown.map_err(Failure::new)?, QUOTAS, output)?;
        }
        Command::Set {
            scope,
            bytes,
            warn,
            refuse,
            ..
        } => {
            let quota = QuotaBody {
                limit_bytes: *bytes,
                warn_percent: *warn,
                refuses: *refuse,
            };
            let set = admin.set_quota(scope, &quota, now).await;
            set.map_err(Failure::new)?;
            output.say(&format!("quota of {} set", plain(scope)));
        }
        Command::Remove { scope, .. } => {
            let removed = admin.remove_quota(scope, now).await;
            removed.map_err(Failure::new)?;
            output.say(&format!("quota of {} removed", plain(scope)));
        }
    }
    Ok(())
}
